-- Tarantella, a tube-oriented task queue.
--
--   box.cfg{...}
--   queue = require('tarantella')
--   queue.create_tube('push', 'fifottl', { if_not_exists = true })
--
-- It may be required before box.cfg{} too. The functions and their arguments are
-- described in docs/server.md.

local front = require('tarantella.api.front')
local registry = require('tarantella.registry')
local role = require('tarantella.role')

role.follow(registry.start, registry.stop)

return front
