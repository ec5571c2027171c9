-- Puts: the row first, the schedule once it is committed.

local fiber = require('fiber')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local reply = require('tarantella.reply')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')

local MICRO = const.MICRO

local put = {}

-- Options of a put: pri, ttl, ttr, delay, at (seconds), lane.
local NO_OPTIONS = {}

local function span_us(seconds)
    if seconds == nil or seconds >= const.MAX_DURATION_S then
        return nil
    end
    return math.floor(seconds * MICRO)
end

-- Writes the row of one task.
local function insert(tube, data, o)
    local delay, at, ttl = o.delay, o.at, o.ttl
    local pri, ttr, lane = o.pri or tube.pri, span_us(o.ttr), o.lane or tube.nil_lane
    local ttl_us = tube.ttl_us
    if ttl ~= nil then
        ttl_us = span_us(ttl)
    end
    if delay == nil and at == nil and ttl_us == nil then
        return tube.store:insert(const.READY, pri, nil, nil, ttr, lane, data)
    end
    local now = timer.wall_us()
    local delay_us = at ~= nil and math.max(0, math.floor(at * MICRO) - now) or math.floor((delay or 0) * MICRO)
    -- The life begins when the delay ends.
    local dead = ttl_us and now + delay_us + ttl_us
    if delay_us > 0 then
        return tube.store:insert(const.DELAYED, pri, now + delay_us, dead, ttr, lane, data)
    end
    return tube.store:insert(const.READY, pri, nil, dead, ttr, lane, data)
end

-- Enters a committed row into the schedule. Without `serve`, for batches do that once.
local function publish(tube, sched, tuple, options)
    tube.calls.put = tube.calls.put + 1
    if options == NO_OPTIONS and tube.ttl_us == nil then
        sched:add(row.id(tuple), schedule.READY, tube.pri, 0, tube.nil_lane)
        return
    end
    local is_delayed = row.state(tuple) == const.DELAYED
    local due = is_delayed and row.due(tuple) or row.dead(tuple) or 0
    sched:add(row.id(tuple), is_delayed and schedule.DELAYED or schedule.READY, row.pri(tuple), due, row.lane(tuple))
end

local function has_room(tube)
    return tube.capacity == nil or tube.sched:total() + tube.arriving < tube.capacity
end

-- Waits for room in a full tube; false when there is none in time.
local function await_room(tube, timeout_s)
    local deadline = fiber.clock() + (timeout_s or 0)
    while not has_room(tube) do
        local rest = deadline - fiber.clock()
        if rest <= 0 or box.is_in_txn() or tube.is_dropped then
            return false
        end
        tube.room:wait(rest)
        fiber.testcancel()
    end
    return true
end

-- The row's commit, in a transaction of the caller.
local function publish_later(tube, sched, tuple, options)
    tube.arriving = tube.arriving + 1
    box.on_commit(function()
        tube.arriving = tube.arriving - 1
        publish(tube, sched, tuple, options)
        tube:serve()
    end)
    box.on_rollback(function()
        tube.arriving = tube.arriving - 1
        tube:signal_room()
    end)
end

---@param data any payload
---@param options table|nil checked
---@return box.tuple|nil task; nil if the tube is full
function put.one(tube, data, options)
    options = options or NO_OPTIONS
    if not has_room(tube) and not await_room(tube, options.timeout) then
        return nil
    end
    local sched = tube.sched
    tube.arriving = tube.arriving + 1
    local ok, tuple = pcall(insert, tube, data, options)
    tube.arriving = tube.arriving - 1
    if not ok then
        tube:signal_room()
        error(errors.of_write(tuple), 0)
    end
    if box.is_in_txn() then
        publish_later(tube, sched, tuple, options)
    else
        publish(tube, sched, tuple, options)
        tube:serve()
    end
    return reply.task(tuple, row.id(tuple), row.state(tuple))
end

-- Inserts the items; fills `failures` with the errors of those that were refused.
local function insert_all(tube, payloads, options, count, failures)
    local tuples = {}
    local full
    for i = 1, count do
        if failures[i] == nil then
            if not has_room(tube) then
                full = full or errors.new('QUEUE_FULL', ('Tube has its capacity of %s tasks'):format(tube.capacity))
                failures[i] = full
            else
                local ok, tuple = pcall(insert, tube, payloads[i], options[i] or NO_OPTIONS)
                if ok then
                    tuples[i] = tuple
                    tube.arriving = tube.arriving + 1
                else
                    failures[i] = errors.of_write(tuple)
                end
            end
        end
    end
    return tuples
end

local function describe_all(tuples, count, failures)
    reply.open()
    for i = 1, count do
        local tuple = tuples[i]
        if tuple ~= nil then
            reply.add_state(row.id(tuple), row.state(tuple))
        else
            reply.add_failure(errors.describe(failures[i]))
        end
    end
    return reply.close()
end

-- In the caller's transaction: its commit publishes.
local function put_joined(tube, payloads, options, count, failures)
    local tuples = insert_all(tube, payloads, options, count, failures)
    for i, tuple in pairs(tuples) do
        tube.arriving = tube.arriving - 1
        publish_later(tube, tube.sched, tuple, options[i])
    end
    return describe_all(tuples, count, failures)
end

---Puts many tasks in one commit; a refused one leaves the others alone.
---@param payloads table index → payload
---@param options table index → checked options or nil
---@param failures table index → error of an item that is refused already; entries are added
---@return box.tuple results
function put.many(tube, payloads, options, count, failures)
    if box.is_in_txn() then
        return put_joined(tube, payloads, options, count, failures)
    end
    local sched = tube.sched
    box.begin()
    local tuples = insert_all(tube, payloads, options, count, failures)
    local ok, cause = pcall(box.commit)
    for i = 1, count do
        if tuples[i] ~= nil then
            tube.arriving = tube.arriving - 1
            if ok then
                publish(tube, sched, tuples[i], options[i] or NO_OPTIONS)
            end
        end
    end
    if not ok then
        box.rollback()
        tube:signal_room()
        error(cause, 0)
    end
    tube:serve()
    return describe_all(tuples, count, failures)
end

return put
