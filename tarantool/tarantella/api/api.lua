-- The public table: tube objects, the generic functions `queue.put(tube, ...)`, and
-- what concerns the queue as a whole.

local abilities = require('tarantella.api.abilities')
local batch_methods = require('tarantella.api.batch_methods')
local cfg = require('tarantella.api.cfg')
local durable = require('tarantella.durable')
local errors = require('tarantella.errors')
local grants = require('tarantella.api.grants')
local handles = require('tarantella.api.handles')
local health = require('tarantella.api.health')
local raw_args = require('tarantella.api.raw_args')
local registry = require('tarantella.registry')
local role = require('tarantella.role')
local session = require('tarantella.session')
local tube_methods = require('tarantella.api.tube_methods')
local tube_opts = require('tarantella.api.tube_opts')
local version = require('tarantella.version')

local api = { _VERSION = version }

local function check_running()
    if role.state() == 'RUNNING' or role.ensure() then
        return true
    end
    return false
end

local function need_running()
    if not check_running() then
        errors.not_running(role.state())
    end
end

local function usable(tube)
    if tube == nil or not tube.is_loaded and not tube:await() or tube.is_dropped then
        errors.tube_not_found()
    end
    return tube
end

local function add_contract(name, fn)
    -- A queue that is not running answers nil, as tarantool/queue does.
    handles.methods[name] = function(self, ...)
        if type(self) ~= 'table' or self.raw == nil then
            errors.raise('INVALID_ARGUMENT', ('Use a colon: queue.tube.NAME:%s()'):format(name))
        end
        if not check_running() then
            if role.is_replaced() then
                -- By a newer copy of the module, which has given the object its own methods.
                return self[name](self, ...)
            end
            return nil
        end
        return fn(usable(registry.get(self.name)), false, select('#', ...), ...)
    end
end

local function add_generic(name, fn)
    api[name] = function(tube_name, ...)
        if not check_running() then
            if role.is_replaced() then
                return role.successor()[name](tube_name, ...)
            end
            errors.not_running(role.state())
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
    handles.methods[name] = function(self, ...)
        return api[name](self.name, ...)
    end
end

-- Those of abilities: methods of tubes, and functions of the queue as a whole.
for _, ability in ipairs(abilities.all()) do
    for name, fn in pairs(ability.methods or {}) do
        add_generic(name, fn)
        handles.methods[name] = function(self, ...)
            return api[name](self.name, ...)
        end
    end
    for name, fn in pairs(ability.functions or {}) do
        api[name] = function(...)
            if not check_running() and role.is_replaced() then
                return role.successor()[name](...)
            end
            need_running()
            return fn(...)
        end
    end
    for name, fn in pairs(ability.anytime or {}) do
        api[name] = fn
    end
end

-- The same functions for those who call them with raw arguments.
for _, name in ipairs({ 'put', 'put_many', 'publish', 'publish_many' }) do
    local plain = api[name]
    api[name] = function(first, ...)
        if raw_args.is_raw(first) then
            return plain(raw_args.unpack(name, first))
        end
        return plain(first, ...)
    end
end

---Sets what is called as (task, event) after each change of a task, nil for nothing.
---@return function|nil the previous one
function handles.methods.on_task_change(self, fn)
    if fn ~= nil and type(fn) ~= 'function' then
        errors.invalid('on_task_change', 'a function', fn)
    end
    need_running()
    return usable(registry.get(self.name)):watch(fn)
end

---Lets a user CALL `queue.tube.NAME:method`; {call = true} makes and grants the functions.
function handles.methods.grant(self, user, opts)
    if check_running() then
        grants.tube(usable(registry.get(self.name)).name, 'user', user, opts)
    end
end

function handles.methods.grant_role(self, name, opts)
    if check_running() then
        grants.tube(usable(registry.get(self.name)).name, 'role', name, opts)
    end
end

---`queue.tube()` gives the names, `queue.tube('x')` whether there is one, `queue.tube.x` its object.
api.tube = setmetatable({}, {
    __call = function(_, name)
        if name == nil then
            local names = {}
            for known in pairs(api.tube) do
                table.insert(names, known)
            end
            table.sort(names)
            return names
        end
        if type(name) ~= 'string' then
            errors.raise('INVALID_ARGUMENT', 'argument #1 should be string or nil')
        end
        return rawget(api.tube, name) ~= nil
    end,
})

registry.on_tube(function(tube, is_there)
    if not is_there then
        handles.drop(tube.name)
    end
    api.tube[tube.name] = is_there and handles.of(tube) or nil
end)

---@param name string 1 to 64 letters, digits, `_` or `-`
---@param kind string fifo, fifottl, limfifottl, utube or utubettl
---@param opts table|nil see docs/server.md
---@return table tube object; a client gets {name, type, id}
function api.create_tube(name, kind, opts)
    if not check_running() then
        return
    end
    -- Whatever else is wrong: with vinyl neither is possible.
    if type(opts) == 'table' and opts.temporary == true and durable.is_wanted() then
        errors.raise('INVALID_ARGUMENT', 'Cannot create temporary tube in replicaset mode')
    end
    local stored, if_not_exists, on_task_change = tube_opts.check(name, kind, opts)
    if type(kind) ~= 'string' or registry.preset(kind) == nil then
        if api.driver[kind] ~= nil then
            errors.raise('TUBE_TYPE_UNKNOWN', ('Tubes of the registered driver "%s" are not supported'):format(kind))
        end
        errors.raise('TUBE_TYPE_UNKNOWN', ('Unknown tube type %s'):format(tostring(kind)))
    end
    local tube, is_new = registry.create(name, kind, stored, if_not_exists)
    usable(tube)
    if is_new then
        tube:watch(on_task_change)
    end
    if api.tube[name] == nil then
        -- Somebody has taken it out of the table: a new one, as in tarantool/queue.
        handles.drop(name)
        api.tube[name] = handles.of(tube)
    end
    return api.tube[name]
end

---@param name string|nil
---@return table {tasks, calls} of one tube, or tube → that
function api.statistics(name)
    check_running()
    if name ~= nil then
        need_running()
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
    return role.state()
end

---@param uuid string|nil 16 bytes
---@return string 16 bytes
function api.identify(uuid)
    if uuid ~= nil and type(uuid) ~= 'string' then
        errors.raise('INVALID_ARGUMENT', 'Invalid UUID format.')
    end
    local name, owner = session.identify(uuid ~= nil and uuid or nil)
    if owner ~= nil then
        durable.remember(owner)
    end
    return name
end

---@return table {ready, state, version, tubes, warnings}
function api.health()
    return health.report()
end

api.cfg = cfg

---Drivers by the name of a type. A registered one is kept, and makes no tubes: see the
---deviations in docs/server.md.
api.driver = registry.presets()

---@param driver table with the functions `create_space` and `new`
function api.register_driver(name, driver)
    if type(driver) ~= 'table' or type(driver.create_space) ~= 'function' or type(driver.new) ~= 'function' then
        errors.raise('INVALID_ARGUMENT', 'tube control methods must contain functions "create_space" and "new"')
    end
    if api.driver[name] ~= nil then
        errors.raise('INVALID_ARGUMENT', ('overriding registered driver "%s"'):format(tostring(name)))
    end
    api.driver[name] = driver
end

---Ends the caller's session as the loss of its connection would.
api._on_consumer_disconnect = session.close_current

---Ends all leases and builds the schedules anew.
function api.start()
    role.restart()
end

---Makes the roles and the functions that remote users may call.
api.grant_roles = grants.ensure

return api
