-- Tarantella, a tube-oriented task queue. Needs an instance that has run box.cfg:
--
--   box.cfg{...}
--   queue = require('tarantella')
--   queue.create_tube('push', 'fifottl', { if_not_exists = true })
--
-- The functions and their arguments are described in docs/server.md.

if type(box.cfg) == 'function' then
    error("Please configure box.cfg{} before require('tarantella')", 2)
end

local api = require('tarantella.api.api')
local registry = require('tarantella.registry')

registry.start()

return api
