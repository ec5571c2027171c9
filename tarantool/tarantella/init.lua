-- Tarantella, a tube-oriented task queue.
--
--   box.cfg{...}
--   queue = require('tarantella')
--   queue.create_tube('push', 'fifottl', { if_not_exists = true })
--
-- It may be required before box.cfg{} too, and once more after its files have changed.
-- The functions and their arguments are described in docs/server.md.

require('tarantella.handover').start()

return require('tarantella.api.front').table()
