-- Checks of what operators pass.

local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local schedule = require('tarantella.schedule.schedule')

local STATES = {
    r = schedule.READY, ready = schedule.READY,
    ['~'] = schedule.DELAYED, delayed = schedule.DELAYED,
    ['!'] = schedule.BURIED, buried = schedule.BURIED,
    t = schedule.TAKEN, taken = schedule.TAKEN,
    w = schedule.WAITING, waiting = schedule.WAITING,
}

local arguments = {}

---@param names string[] known options
---@return table options
function arguments.options(value, names, what)
    local o = args.options('opts', value) or {}
    local known = {}
    for _, name in ipairs(names) do
        known[name] = true
    end
    args.known_only(o, known, what)
    return o
end

local function state_of(value)
    local state = STATES[value]
    if state == nil then
        errors.invalid('state', "'ready', 'delayed', 'buried', 'taken' or 'waiting'", value)
    end
    return state
end

---@param value any one state or a list of them, in words or letters; nil for `default`
---@return table states of a filter
local function states_of(value, default)
    local states = {}
    for _, one in ipairs(type(value) == 'table' and value or { value }) do
        states[state_of(one)] = true
    end
    if next(states) == nil then
        if value ~= nil then
            errors.invalid('state', 'at least one state', value)
        end
        return default
    end
    return states
end

local ALL = {
    [schedule.READY] = true, [schedule.DELAYED] = true, [schedule.BURIED] = true, [schedule.TAKEN] = true,
    [schedule.WAITING] = true,
}
local UNHELD = { [schedule.READY] = true, [schedule.DELAYED] = true, [schedule.BURIED] = true }

---@param o table { state, utube }
---@return table filter of any tasks
function arguments.filter(tube, o)
    return { states = states_of(o.state, ALL), lane = args.lane_of(tube, o.utube) }
end

---@return table filter of tasks that nobody holds
function arguments.waiting(tube, o)
    local filter = { states = states_of(o.state, UNHELD), lane = args.lane_of(tube, o.utube) }
    if filter.states[schedule.TAKEN] or filter.states[schedule.WAITING] then
        errors.invalid('state', "'ready', 'delayed' or 'buried'", o.state)
    end
    return filter
end

---@param state integer
---@return table filter of tasks in that state
function arguments.only(tube, state, o)
    return { states = { [state] = true }, lane = args.lane_of(tube, o.utube) }
end

---@return integer
function arguments.limit(value, default, max)
    return value == nil and default or args.integer('limit', value, 1, max)
end

---@return integer id, -1 for none
function arguments.after(value)
    return value == nil and -1 or args.integer('after', value, 0, const.MAX_SAFE_INTEGER)
end

---@return integer[] at most MAX_BATCH
function arguments.ids(value)
    local ids = {}
    for i, id in ipairs(args.list('ids', value)) do
        ids[i] = args.id(id)
    end
    return ids
end

local UPDATES = { 'data', 'pri', 'at', 'delay', 'ttl', 'ttr', 'utube' }
-- Option of an update → option of a put that the tube's type must have.
local NEEDS = { pri = 'pri', at = 'at', delay = 'delay', ttl = 'ttl', ttr = 'ttr', utube = 'utube' }

---@return table what change.lua takes for an update
function arguments.update(tube, value)
    local o = arguments.options(value, UPDATES, 'update')
    if next(o) == nil then
        errors.invalid('opts', 'at least one of data, pri, at, delay, ttl, ttr, utube', 'none')
    end
    local known = tube.preset.options
    for name in pairs(o) do
        if NEEDS[name] ~= nil and not known[NEEDS[name]] then
            errors.raise('INVALID_ARGUMENT', ('A %s tube has no `%s`'):format(tube.type, name))
        end
    end
    if o.at ~= nil and o.delay ~= nil then
        errors.raise('INVALID_ARGUMENT', 'Expected one of `delay` and `at`, got both')
    end
    return {
        pri = o.pri ~= nil and args.integer('pri', o.pri, -const.MAX_SAFE_INTEGER, const.MAX_SAFE_INTEGER) or nil,
        at = args.moment('at', o.at), delay = args.delay('delay', o.delay),
        ttl = args.seconds('ttl', o.ttl), ttr = args.seconds('ttr', o.ttr),
        -- NULL is a payload, and no lane: not the same as an option that is left out.
        has_data = type(o.data) ~= 'nil', data = o.data,
        has_lane = type(o.utube) ~= 'nil', lane = args.lane(o.utube) or tube.nil_lane,
    }
end

local function number_or_null(check)
    return function(name, value)
        return value == nil and box.NULL or check(name, value)
    end
end

-- Option of alter → check, and the option of a put that the tube's type must have.
local ALTERS = {
    ttl = { number_or_null(args.seconds), 'ttl' },
    ttr = { number_or_null(args.seconds), 'ttr' },
    pri = { number_or_null(function(name, value)
        return args.integer(name, value, -const.MAX_SAFE_INTEGER, const.MAX_SAFE_INTEGER)
    end), 'pri' },
    lane_limit = { number_or_null(function(name, value)
        return args.integer(name, value, 1, const.MAX_SAFE_INTEGER)
    end), 'utube' },
}

---@return table option → value, box.NULL for the default
function arguments.alter(tube, value)
    local o = arguments.options(value, { 'pri', 'ttl', 'ttr', 'capacity', 'lane_limit' }, 'alter')
    local changes = {}
    for name, given in pairs(o) do
        local rule = ALTERS[name]
        if rule ~= nil and not tube.preset.options[rule[2]] then
            errors.raise('INVALID_ARGUMENT', ('A %s tube has no `%s`'):format(tube.type, name))
        elseif rule == nil and tube.capacity == nil then
            errors.raise('INVALID_ARGUMENT', 'A tube that was created without a `capacity` cannot get one')
        end
        changes[name] = rule ~= nil and rule[1](name, given)
            or rule == nil and args.integer(name, given, 1, const.MAX_SAFE_INTEGER)
    end
    if next(changes) == nil then
        errors.invalid('opts', 'at least one of pri, ttl, ttr, capacity, lane_limit', 'none')
    end
    return changes
end

return arguments
