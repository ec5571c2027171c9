-- The tubes as they are, and the change of their options.

local const = require('tarantella.const')
local defaults = require('tarantella.defaults')
local errors = require('tarantella.errors')
local registry = require('tarantella.registry')
local schedule = require('tarantella.schedule.schedule')
local slices = require('tarantella.admin.slices')

local tubes = {}

local function describe(tube)
    local count = tube.sched.count
    return {
        name = tube.name, type = tube.type, id = tube.id, engine = tube.space.engine,
        opts = setmetatable(table.copy(tube.opts), { __serialize = 'map' }),
        tasks = {
            ready = count[schedule.READY], delayed = count[schedule.DELAYED], taken = count[schedule.TAKEN],
            buried = count[schedule.BURIED], total = tube.sched:total(),
        },
        waiting = tube:waiting(), ready = tube.is_loaded,
    }
end

---@param after string name
---@return table {tubes = [{name, type, id, engine, opts, tasks, waiting, ready}], next = name}
function tubes.list(after, limit)
    local names = {}
    for name in pairs(registry.all()) do
        if name > after then
            table.insert(names, name)
        end
    end
    table.sort(names)
    local slice = slices.new()
    local list = setmetatable({}, { __serialize = 'seq' })
    for i = 1, math.min(limit, #names) do
        local tube = registry.get(names[i])
        if tube ~= nil then
            table.insert(list, describe(tube))
        end
        if not slice:go_on() then
            return { tubes = list, next = names[i] }
        end
    end
    return { tubes = list, next = #names > limit and names[limit] or nil }
end

local function store(tube, changes)
    local space = box.space[const.TUBE_SPACE]
    local opts = setmetatable(space:get(tube.id).opts, { __serialize = 'map' })
    for name, value in pairs(changes) do
        -- NULL brings the default back.
        opts[name] = value ~= nil and value or nil
    end
    space:update(tube.id, { { '=', 'opts', opts } })
end

---@param changes table option → checked value, or box.NULL for the default
---@return table as in the list
function tubes.alter(tube, changes)
    if box.is_in_txn() then
        errors.raise('INVALID_ARGUMENT', 'alter() cannot be part of a transaction')
    end
    box.atomic(store, tube, changes)
    local record = box.space[const.TUBE_SPACE]:get(tube.id)
    if record == nil or tube.is_dropped then
        errors.tube_not_found()
    end
    -- The same table: objects of the tube have it too.
    local opts = tube.opts
    for name in pairs(table.copy(opts)) do
        opts[name] = nil
    end
    for name, value in pairs(record.opts) do
        opts[name] = value
    end
    defaults.set(tube, opts)
    tube.sched.ready:set_limit(opts.lane_limit or 1)
    tube:signal_room()
    tube:serve()
    return describe(tube)
end

return tubes
