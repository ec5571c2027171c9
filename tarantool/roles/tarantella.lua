-- The queue as an application role of Tarantool 3: `roles: [roles.tarantella]`.
--
--   roles_cfg:
--     roles.tarantella:
--       session_ttr: 10          # as queue.cfg{ttr =}
--       in_replicaset: true      # as queue.cfg{in_replicaset =}
--       metrics: true            # as queue.export_metrics
--       tubes:
--         push: { type: fifottl, ttr: 60 }
--
-- The configuration adds tubes and changes their defaults. It drops none: a tube that is
-- not listed any more stays as it is. On a replica everything waits for its promotion.

local fiber = require('fiber')
local log = require('log')
local queue = require('tarantella')
local registry = require('tarantella.registry')
local tube_opts = require('tarantella.api.tube_opts')

local OPTIONS = { session_ttr = 'number', in_replicaset = 'boolean', metrics = 'boolean', tubes = 'table' }

local function refuse(text, ...)
    error('roles.tarantella: ' .. text:format(...), 0)
end

local function check_tube(name, tube)
    if type(tube) ~= 'table' or type(tube.type) ~= 'string' then
        refuse('tubes.%s must be a map with a type', tostring(name))
    elseif registry.preset(tube.type) == nil then
        refuse('tubes.%s: unknown tube type %s', name, tube.type)
    end
    local opts = table.copy(tube)
    opts.type = nil
    local ok, cause = pcall(tube_opts.check, name, tube.type, opts)
    if not ok then
        refuse('tubes.%s: %s', tostring(name), tostring(cause))
    end
    return opts
end

local function validate(cfg)
    cfg = cfg or {}
    if type(cfg) ~= 'table' then
        refuse('expected a map, got %s', type(cfg))
    end
    for name, value in pairs(cfg) do
        if OPTIONS[name] == nil then
            refuse('unknown option %s', tostring(name))
        elseif type(value) ~= OPTIONS[name] then
            refuse('%s must be a %s, got %s', name, OPTIONS[name] == 'table' and 'map' or OPTIONS[name], type(value))
        end
    end
    if cfg.session_ttr ~= nil and (cfg.session_ttr < 0 or cfg.session_ttr ~= cfg.session_ttr) then
        refuse('session_ttr must be a number of seconds >= 0, got %s', cfg.session_ttr)
    end
    for name, tube in pairs(cfg.tubes or {}) do
        check_tube(name, tube)
    end
end

-- Brings a tube to what the configuration says.
local function ensure_tube(name, tube)
    local opts = check_tube(name, tube)
    local standing = registry.get(name)
    if standing ~= nil and standing.type ~= tube.type then
        refuse('the tube %s is a %s and cannot become a %s: drop it, or give the new one another name',
            name, standing.type, tube.type)
    elseif standing == nil then
        opts.if_not_exists = true
        queue.create_tube(name, tube.type, opts)
    elseif queue.alter ~= nil then
        opts.if_not_exists = nil
        queue.alter(name, opts)
    end
end

local wanted = nil
local watcher = nil
local is_applying, applied = false, fiber.cond()

-- On the master, with the queue running.
local function settle()
    while is_applying do
        applied:wait()
    end
    is_applying = true
    local cfg = wanted
    local ok, cause = pcall(function()
        queue.grant_roles()
        for name, tube in pairs(cfg.tubes or {}) do
            ensure_tube(name, tube)
        end
    end)
    is_applying = false
    applied:broadcast()
    if not ok then
        error(cause, 0)
    end
end

-- A promotion, long after `apply`.
local function promoted()
    if wanted == nil or box.info.ro then
        return
    end
    local ok, cause = pcall(settle)
    if not ok then
        log.error('%s', tostring(cause))
    end
end

local function apply(cfg)
    if box.watch == nil then
        refuse('application roles need Tarantool 3.0; before it, use tarantool/init.lua')
    end
    wanted = cfg or {}
    -- Remote calls name the functions by this global.
    rawset(_G, 'queue', queue)
    queue.cfg({ ttr = wanted.session_ttr or 0, in_replicaset = wanted.in_replicaset or false })
    queue.export_metrics(wanted.metrics == true)
    if not box.info.ro then
        -- Here and not by the watcher, so that what is wrong is an error of the configuration.
        settle()
    end
    if watcher == nil then
        watcher = box.watch('box.status', function(_, status)
            if status ~= nil and status.is_ro == false then
                promoted()
            end
        end)
    end
end

-- The role is gone from the configuration: the queue itself cannot be taken out of a
-- running process, and its tasks stay.
local function stop()
    wanted = nil
    if watcher ~= nil then
        watcher:unregister()
        watcher = nil
    end
    if queue.export_metrics ~= nil then
        queue.export_metrics(false)
    end
    log.warn('roles.tarantella: the queue serves its tubes until the instance restarts')
end

return { validate = validate, apply = apply, stop = stop }
