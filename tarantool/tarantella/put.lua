-- Puts: the row first, the schedule once it is committed.

local const = require('tarantella.const')
local errors = require('tarantella.errors')
local reply = require('tarantella.reply')
local room = require('tarantella.room')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')
local turn = require('tarantella.turn')
local txn = require('tarantella.txn')

local MICRO = const.MICRO

local put = {}

-- Options of a put: pri, ttl, ttr, delay, at (seconds), lane, meta, state (BURIED, of a task
-- that comes from another tube; WAITING, of a flow's parent), is_owed (a capacity does not
-- refuse it); and those of abilities.
local NO_OPTIONS = {}

local STATES = { [const.BURIED] = schedule.BURIED, [const.WAITING] = schedule.WAITING }

local function span_us(seconds)
    if seconds == nil or seconds >= const.MAX_DURATION_S then
        return nil
    end
    return math.floor(seconds * MICRO)
end

-- Writes the row of one task, which is good until the next call into box.
local function insert(tube, data, o, store_insert)
    local delay, at, ttl = o.delay, o.at, o.ttl
    local pri, ttr, lane = o.pri or tube.pri, span_us(o.ttr), o.lane or tube.nil_lane
    local ttl_us = tube.ttl_us
    if ttl ~= nil then
        ttl_us = span_us(ttl)
    end
    local meta = o.meta
    if delay == nil and at == nil and ttl_us == nil then
        return store_insert(tube.store, o.state or const.READY, pri, nil, nil, ttr, lane, data, meta)
    end
    local now = timer.wall_us()
    local delay_us = at ~= nil and math.max(0, math.floor(at * MICRO) - now) or math.floor((delay or 0) * MICRO)
    -- The life begins when the delay ends.
    local dead = ttl_us and timer.loop_us() + delay_us + ttl_us
    if delay_us > 0 then
        return store_insert(tube.store, const.DELAYED, pri, now + delay_us, dead, ttr, lane, data, meta)
    end
    return store_insert(tube.store, o.state or const.READY, pri, nil, dead, ttr, lane, data, meta)
end

-- What the schedule is to know of a row, once it is committed.
local function entry(tube, tuple, options)
    if options == NO_OPTIONS and tube.ttl_us == nil then
        return row.id(tuple), schedule.READY, tube.pri, 0, tube.nil_lane
    end
    if row.state(tuple) == const.DELAYED then
        return row.id(tuple), schedule.DELAYED, row.pri(tuple), row.due(tuple), row.lane(tuple)
    end
    local state = STATES[options.state] or schedule.READY
    return row.id(tuple), state, row.pri(tuple), row.dead(tuple) or 0, row.lane(tuple)
end

local LETTERS = schedule.LETTERS

-- Without `serve`, for batches do that once.
local function publish(tube, sched, id, state, pri, due, lane)
    tube.calls.put = tube.calls.put + 1
    local amended = tube.amended
    if amended ~= nil and amended[id] ~= nil then
        -- Changed since, in the same transaction.
        state, pri, due = unpack(amended[id])
        amended[id] = nil
    end
    sched:add(id, state, pri, due, lane)
end

-- The row's commit, in a transaction of the caller.
local function publish_later(tube, sched, task, id, state, pri, due, lane)
    tube.arriving = tube.arriving + 1
    box.on_commit(function()
        tube.arriving = tube.arriving - 1
        publish(tube, sched, id, state, pri, due, lane)
        tube:note_put(task)
        tube:serve(true)
    end)
    txn.on_rollback(function()
        tube.arriving = tube.arriving - 1
        tube:signal_room()
    end)
end

-- What the abilities of the tube answer instead of a put; nil: put.
local function ask(tube, hooks, options, data)
    for _, before in ipairs(hooks.before_put) do
        local instead = before(tube, options, data)
        if instead ~= nil then
            return instead
        end
    end
    return nil
end

local function tell(tube, hooks, id, options, state)
    for _, after in ipairs(hooks.after_put) do
        after(tube, id, options, LETTERS[state])
    end
end

-- Writes the row; gives the task, and unless it was there before, what the schedule is to know.
local function write(tube, data, options)
    local hooks = tube.hooks
    if hooks ~= nil then
        local instead = ask(tube, hooks, options, data)
        if instead ~= nil then
            return instead
        end
    end
    local tuple = insert(tube, data, options, tube.store.insert)
    local id, state, pri, due, lane = entry(tube, tuple, options)
    local task = reply.task(tuple, id, LETTERS[state])
    if hooks ~= nil then
        tell(tube, hooks, id, options, state)
    end
    if tube.on_full ~= nil and not options.is_owed then
        room.make(tube)
    end
    return task, id, state, pri, due, lane
end

---@param data any payload
---@param options table|nil checked
---@return box.tuple|nil task; nil if the tube is full
function put.one(tube, data, options)
    options = options or tube.hooks ~= nil and {} or NO_OPTIONS
    if tube.hooks ~= nil and not box.is_in_txn() then
        turn.await(tube, { options }, 1)
    end
    if tube.on_full ~= nil and not options.is_owed and not room.has(tube, options.timeout) then
        if tube.preset.capacity or tube.is_dropped then
            return nil
        end
        error(room.full(tube), 0)
    end
    local sched = tube.sched
    local joined = box.is_in_txn()
    if not joined then
        box.begin()
    end
    local ok, task, id, state, pri, due, lane = pcall(write, tube, data, options)
    if joined then
        if not ok then
            error(errors.of_write(task), 0)
        elseif id == nil then
            return task
        end
        publish_later(tube, sched, task, id, state, pri, due, lane)
        return task
    end
    local cause = task
    if ok then
        tube.arriving = tube.arriving + 1
        ok, cause = pcall(box.commit)
        tube.arriving = tube.arriving - 1
    end
    if not ok then
        box.rollback()
        tube:signal_room()
        error(errors.of_write(cause), 0)
    end
    if id == nil then
        tube:signal_room()
        return task
    end
    publish(tube, sched, id, state, pri, due, lane)
    tube:note_put(task)
    tube:serve()
    return task
end

local function refuse_full(tube, failures, i)
    if failures[i] == nil and tube.on_full ~= nil and not room.has_now(tube) then
        failures[i] = room.full(tube)
    end
end

-- `insert_all` for a tube where a put writes more than its row. An item that fails must
-- leave nothing behind of what was written for it.
local function insert_hooked(tube, payloads, options, count, failures, e)
    for i = 1, count do
        refuse_full(tube, failures, i)
        if failures[i] == nil then
            local savepoint = box.savepoint()
            local ok, task, id, state, pri, due, lane = pcall(write, tube, payloads[i], options[i] or {})
            if not ok then
                txn.rollback_to(savepoint)
                failures[i] = errors.of_write(task)
            elseif id == nil then
                e.instead[i] = task
            else
                e.ids[i], e.states[i], e.pris[i], e.dues[i], e.lanes[i] = id, state, pri, due, lane
                e.tasks[i] = tube.on_change ~= nil and task or nil
                tube.arriving = tube.arriving + 1
            end
        end
    end
    return e
end

-- Inserts the items; fills `failures` with the errors of those that were refused.
-- Gives what `entry` says of the others, by index.
local function insert_all(tube, payloads, options, count, failures)
    local e = { ids = {}, states = {}, pris = {}, dues = {}, lanes = {}, tasks = {}, instead = {} }
    if tube.hooks ~= nil or tube.on_full == 'drop_oldest' then
        return insert_hooked(tube, payloads, options, count, failures, e)
    end
    local store = tube.store
    local store_insert = store:is_plain(count) and store.insert_plain or store.insert
    for i = 1, count do
        refuse_full(tube, failures, i)
        if failures[i] == nil then
            local ok, tuple = pcall(insert, tube, payloads[i], options[i] or NO_OPTIONS, store_insert)
            if ok then
                e.ids[i], e.states[i], e.pris[i], e.dues[i], e.lanes[i] =
                    entry(tube, tuple, options[i] or NO_OPTIONS)
                if tube.on_change ~= nil then
                    e.tasks[i] = reply.task(tuple, e.ids[i], LETTERS[e.states[i]])
                end
                tube.arriving = tube.arriving + 1
            else
                failures[i] = errors.of_write(tuple)
            end
        end
    end
    return e
end

local function describe_all(e, count, failures)
    reply.open()
    for i = 1, count do
        local id = e.ids[i]
        if id ~= nil then
            reply.add_state(id, LETTERS[e.states[i]])
        elseif e.instead[i] ~= nil then
            reply.add_state(e.instead[i][1], e.instead[i][2], e.instead[i][4])
        else
            reply.add_failure(errors.describe(failures[i]))
        end
    end
    return reply.close()
end

-- In the caller's transaction: its commit publishes.
local function put_joined(tube, payloads, options, count, failures)
    local e = insert_all(tube, payloads, options, count, failures)
    for i, id in pairs(e.ids) do
        tube.arriving = tube.arriving - 1
        publish_later(tube, tube.sched, e.tasks[i], id, e.states[i], e.pris[i], e.dues[i], e.lanes[i])
    end
    return describe_all(e, count, failures)
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
    if tube.hooks ~= nil then
        turn.await(tube, options, count)
    end
    local sched = tube.sched
    box.begin()
    local e = insert_all(tube, payloads, options, count, failures)
    local ok, cause = pcall(box.commit)
    for i = 1, count do
        if e.ids[i] ~= nil then
            tube.arriving = tube.arriving - 1
            if ok then
                publish(tube, sched, e.ids[i], e.states[i], e.pris[i], e.dues[i], e.lanes[i])
                tube:note_put(e.tasks[i])
            end
        end
    end
    if not ok then
        box.rollback()
        tube:signal_room()
        error(cause, 0)
    end
    tube:serve()
    return describe_all(e, count, failures)
end

return put
