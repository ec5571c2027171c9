-- A stream of what happens to the tasks of tubes with `events`: `queue.events` reads it
-- from a cursor on, which holds over reconnects, restarts and a change of the master.
--
-- Takes, the end of a lease and the end of a delay write nothing, so they are not told.

local fiber = require('fiber')
local args = require('tarantella.api.args')
local errors = require('tarantella.errors')
local const = require('tarantella.const')
local registry = require('tarantella.registry')
local role = require('tarantella.role')
local stream = require('tarantella.ability.event_stream')
local transition = require('tarantella.transition')

local MICRO = const.MICRO
local NAMES = {
    put = true, ack = true, delete = true, ttl = true, drop = true, bury = true, kick = true, release = true,
    touch = true,
}
local DEFAULT_KEPT, MAX_KEPT = 10000, 100000
local DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
-- Of one call: a client that is gone is noticed after that.
local MAX_WAIT_S = 60
local MAX_WAITING = 1000

local waiting = 0
local tubes_told = {} -- id of a tube with events → name

local function names()
    local list = {}
    for name in pairs(NAMES) do
        table.insert(list, name)
    end
    table.sort(list)
    return table.concat(list, ', ')
end

local function check_events(value, _, o)
    if o.engine == 'vinyl' then
        errors.raise('INVALID_ARGUMENT', 'A tube of the vinyl engine cannot have `events`: '
            .. 'one transaction cannot have rows of both engines')
    elseif value == false then
        return nil
    elseif value ~= true and (type(value) ~= 'table' or #value == 0) then
        errors.invalid('events', 'true or an array of ' .. names(), value)
    end
    for _, name in ipairs(value ~= true and value or {}) do
        if not NAMES[name] then
            errors.invalid('events', 'of ' .. names(), name)
        end
    end
    return value
end

local function check_kept(value, _, o)
    if not o.events then
        errors.raise('INVALID_ARGUMENT', 'Expected `events` beside `events_keep`')
    end
    return args.integer('events_keep', value, 1, MAX_KEPT)
end

-- An ack is a deletion with a name of its own here.
local function name_of(step)
    return step == transition.ack and 'ack' or step.event
end

-- Which events the tube is to tell: all but the touches, that may be many, or those named.
local function wanted(value)
    if value == true then
        return setmetatable({ touch = false }, { __index = function() return true end })
    end
    local set = {}
    for _, name in ipairs(value) do
        set[name] = true
    end
    return set
end

local function when(options)
    if options.at ~= nil then
        return { at = options.at }
    end
    return options.delay ~= nil and options.delay > 0 and { delay = options.delay } or nil
end

local function attach(tube)
    if not tube.opts.events then
        return nil
    end
    local wants, name = wanted(tube.opts.events), tube.name
    tubes_told[tube.id] = name
    return {
        after_put = function(_, id, options, state)
            if wants.put then
                stream.write(name, id, 'put', state, when(options))
            end
        end,
        change = function(_, step, id, _, arg)
            local event = name_of(step)
            if wants[event] then
                local delay = step == transition.delay and { delay = arg } or nil
                stream.write(name, id, event, step.letter, delay)
            end
        end,
        loaded = function()
            stream.keep(name, tube.opts.events_keep or DEFAULT_KEPT)
        end,
    }
end

-- A drop is part of a transaction that may fail.
local function dropped(tube_id)
    local name = tubes_told[tube_id]
    if name then
        box.on_commit(function()
            tubes_told[tube_id] = nil
            stream.forget(name)
        end)
    end
end

local function describe(row)
    local event = { tonumber(row.seq), tonumber(row.time) / MICRO, row.tube, tonumber(row.id), row.event, row.state }
    if row.extra ~= nil then
        event[7] = row.extra
    end
    return event
end

local function answer(rows, after, limit, is_gap)
    local list = setmetatable({}, { __serialize = 'seq' })
    for i, row in ipairs(rows) do
        list[i] = describe(row)
    end
    local cursor = math.max(after, stream.horizon())
    if #rows == limit then
        cursor = list[limit][1]
    end
    return { cursor = cursor, events = list, gap = is_gap }
end

-- Reads once; waits for more until the deadline.
local function poll(name, after, limit, deadline)
    while true do
        local rows = stream.read(name, after, limit)
        local rest = deadline - fiber.clock()
        if #rows > 0 or rest <= 0 or box.is_in_txn() or role.state() ~= 'RUNNING' then
            return answer(rows, after, limit, false)
        end
        stream.wait(rest)
    end
end

local OPTIONS = { tube = true }

local function tube_of(opts)
    opts = args.options('opts', opts) or {}
    args.known_only(opts, OPTIONS, 'events')
    if opts.tube == nil then
        return nil
    end
    local tube = type(opts.tube) == 'string' and registry.get(opts.tube) or nil
    if tube == nil then
        errors.tube_not_found()
    elseif not tube.opts.events then
        errors.raise('INVALID_ARGUMENT', ('Tube %s has no `events`'):format(opts.tube))
    end
    return opts.tube
end

---@param after integer|nil a cursor, 0 from the oldest event on; nil from now on
---@param limit integer|nil up to 1000, by default 100
---@param timeout number|nil seconds to wait for an event, up to 60, by default 0
---@param opts table|nil {tube = name}
---@return table {cursor, events = {{seq, time, tube, id, event, state, extra}, …}, gap = boolean}
local function events(after, limit, timeout, opts)
    local name = tube_of(opts)
    limit = limit == nil and DEFAULT_LIMIT or args.integer('limit', limit, 1, MAX_LIMIT)
    local deadline = fiber.clock() + math.min(args.seconds('timeout', timeout) or 0, MAX_WAIT_S)
    local horizon = stream.horizon()
    after = after == nil and horizon or args.integer('after', after, 0, const.MAX_SAFE_INTEGER)
    if after > horizon then
        -- A cursor of rows that this master never had.
        return answer({}, horizon, limit, true)
    elseif after < stream.trimmed(name) then
        return answer(stream.read(name, after, limit), after, limit, true)
    elseif waiting >= MAX_WAITING then
        errors.raise('TOO_MANY_WAITERS', ('No more than %d calls can wait for events'):format(MAX_WAITING))
    end
    waiting = waiting + 1
    local ok, result = pcall(poll, name, after, limit, deadline)
    waiting = waiting - 1
    if not ok then
        error(result, 0)
    end
    return result
end

local function start()
    stream.start(function(name)
        local tube = registry.get(name)
        return tube ~= nil and tube.opts.events ~= nil
    end)
end

return {
    name = 'events',
    tube_options = { events = check_events, events_keep = check_kept },
    attach = attach,
    functions = { events = events },
    rights = { consumer = { 'events' }, producer = { 'events' } },
    start = start,
    stop = stream.stop,
    run = stream.trim,
    dropped = dropped,
}
