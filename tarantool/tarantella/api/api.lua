-- The public table: tube objects, the generic functions `queue.put(tube, ...)`, and
-- what concerns the queue as a whole.

local args = require('tarantella.api.args')
local batch_methods = require('tarantella.api.batch_methods')
local errors = require('tarantella.errors')
local grants = require('tarantella.api.grants')
local health = require('tarantella.api.health')
local registry = require('tarantella.registry')
local session = require('tarantella.session')
local tube_methods = require('tarantella.api.tube_methods')
local tube_opts = require('tarantella.api.tube_opts')
local version = require('tarantella.version')

local api = { _VERSION = version }

-- Callers wait while a schedule is being built at the start, no longer than this.
local START_TIMEOUT_S = 60

local function check_running()
    local state = registry.state()
    if state == 'STARTUP' then
        registry.await_running(START_TIMEOUT_S)
        state = registry.state()
    end
    return state == 'RUNNING', state
end

local function usable(tube)
    if tube == nil or not tube.is_loaded and not tube:await() or tube.is_dropped then
        errors.tube_not_found()
    end
    return tube
end

local handle_methods = {}
local handle_mt = {
    __index = handle_methods,
    -- A tube object has functions and could not be sent; this is what a client gets.
    __serialize = function(handle)
        return { name = handle.name, type = handle.type, id = handle.tube_id }
    end,
}

local function make_handle(tube)
    return setmetatable({
        name = tube.name, type = tube.type, tube_id = tube.id, opts = tube.opts, raw = tube,
    }, handle_mt)
end

local function add_contract(name, fn)
    -- A queue that is not running answers nil, as tarantool/queue does.
    handle_methods[name] = function(self, ...)
        if type(self) ~= 'table' or self.raw == nil then
            errors.raise('INVALID_ARGUMENT', ('Use a colon: queue.tube.NAME:%s()'):format(name))
        end
        if not check_running() then
            return nil
        end
        return fn(usable(registry.get(self.name)), false, select('#', ...), ...)
    end
end

local function add_generic(name, fn)
    api[name] = function(tube_name, ...)
        local is_running, state = check_running()
        if not is_running then
            errors.not_running(state)
        end
        return fn(usable(registry.get(tube_name)), true, select('#', ...), ...)
    end
end

for name, fn in pairs(tube_methods) do
    add_contract(name, fn)
    add_generic(name, fn)
end
for name, fn in pairs(batch_methods) do
    add_generic(name, fn)
    handle_methods[name] = function(self, ...)
        return api[name](self.name, ...)
    end
end

---Lets a user CALL `queue.tube.NAME:method`; {call = true} makes and grants the functions.
function handle_methods.grant(self, user, opts)
    grants.tube(self.name, 'user', user, opts)
end

function handle_methods.grant_role(self, role, opts)
    grants.tube(self.name, 'role', role, opts)
end

---`queue.tube()` gives the names, `queue.tube('x')` whether there is one, `queue.tube.x` its object.
api.tube = setmetatable({}, {
    __call = function(_, name)
        if name == nil then
            local names = {}
            for known in pairs(registry.all()) do
                table.insert(names, known)
            end
            table.sort(names)
            return names
        end
        if type(name) ~= 'string' then
            errors.raise('INVALID_ARGUMENT', 'argument #1 should be string or nil')
        end
        return registry.get(name) ~= nil
    end,
})

registry.on_tube(function(tube, is_there)
    api.tube[tube.name] = is_there and make_handle(tube) or nil
end)

---@param name string 1 to 64 letters, digits, `_` or `-`
---@param kind string fifo, fifottl, limfifottl, utube or utubettl
---@param opts table|nil see docs/server.md
---@return table tube object; a client gets {name, type, id}
function api.create_tube(name, kind, opts)
    local is_running, state = check_running()
    if not is_running then
        errors.not_running(state)
    end
    local stored, if_not_exists, temporary = tube_opts.check(name, opts)
    if type(kind) ~= 'string' or registry.preset(kind) == nil then
        errors.raise('TUBE_TYPE_UNKNOWN', ('Unknown tube type %s'):format(tostring(kind)))
    end
    usable(registry.create(name, kind, stored, temporary, if_not_exists))
    return api.tube[name]
end

---@param name string|nil
---@return table {tasks, calls} of one tube, or tube → that
function api.statistics(name)
    if name ~= nil then
        return usable(registry.get(name)):statistics()
    end
    local all = setmetatable({}, { __serialize = 'map' })
    for known, tube in pairs(registry.all()) do
        all[known] = tube:statistics()
    end
    return all
end
api.stats = api.statistics

---@return string INIT, STARTUP, RUNNING, ENDING or WAITING
function api.state()
    return registry.state()
end

---@param uuid string|nil 16 bytes
---@return string 16 bytes
function api.identify(uuid)
    if uuid ~= nil and type(uuid) ~= 'string' then
        errors.raise('INVALID_ARGUMENT', 'Invalid UUID format.')
    end
    return session.identify(uuid ~= nil and uuid or nil)
end

---@return table {ready, state, version, tubes, warnings}
function api.health()
    return health.report()
end

---`queue.cfg{ttr = seconds, in_replicaset = boolean}`; ttr is how long leases outlive their connection.
api.cfg = setmetatable({}, {
    __call = function(self, opts)
        opts = args.options('opts', opts) or {}
        for name, value in pairs(opts) do
            if name == 'ttr' then
                if type(value) ~= 'number' or value < 0 or value ~= value then
                    errors.raise('INVALID_ARGUMENT', ('Invalid value of ttr: %s'):format(tostring(value)))
                end
            elseif name == 'in_replicaset' then
                if type(value) ~= 'boolean' then
                    errors.raise('INVALID_ARGUMENT', ('Invalid value of in_replicaset: %s'):format(tostring(value)))
                end
            else
                errors.raise('INVALID_ARGUMENT', ('Unknown option %s'):format(tostring(name)))
            end
        end
        if opts.ttr ~= nil then
            session.set_ttr(opts.ttr)
            self.ttr = opts.ttr
        end
        self.in_replicaset = opts.in_replicaset or false
    end,
})

---Makes the roles and the functions that remote users may call.
api.grant_roles = grants.ensure

return api
