-- A put that changes the waiting task of its key instead of adding one.

local commit = require('tarantella.commit')
local const = require('tarantella.const')
local payload = require('tarantella.payload')
local reply = require('tarantella.reply')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')
local msgpack = require('msgpack')

local replace = {}

local LETTERS = {
    [schedule.READY] = const.READY, [schedule.DELAYED] = const.DELAYED, [schedule.BURIED] = const.BURIED,
}

-- A transition as in transition.lua, whose letter is known only when it is made.
-- arg: { operations, state, pri, due }, of which a later put of the same transaction may
-- change the last three.
local function step_to(state)
    return {
        letter = LETTERS[state],
        event = 'release',
        write = function(tube, id, arg)
            return tube.store.pk:update(id, arg.operations)
        end,
        publish = function(_, sched, n, _, arg)
            sched:settle(n, arg.state, arg.pri, arg.due)
        end,
    }
end

local STEPS = {
    [schedule.READY] = step_to(schedule.READY),
    [schedule.DELAYED] = step_to(schedule.DELAYED),
}

local function span_us(seconds)
    return seconds < const.MAX_DURATION_S and math.floor(seconds * const.MICRO) or nil
end

local function new_meta(tuple, options)
    local meta = tuple.meta or {}
    -- Another task's failures would be held against this one.
    meta.attempts, meta.error, meta.failed = nil, nil, nil
    for name, value in pairs(options.meta or {}) do
        meta[name] = value
    end
    return meta
end

-- State, and end of the delay: those of the put where it may say so, else those of the task.
local function moment(options, now, letter, tuple)
    if letter ~= const.BURIED and not options.extend then
        if letter == const.DELAYED then
            return schedule.DELAYED, tuple.due
        end
        return schedule.READY
    end
    local delay_us = math.floor((options.delay or 0) * const.MICRO)
    if options.at ~= nil then
        delay_us = math.max(0, math.floor(options.at * const.MICRO) - now)
    end
    if delay_us > 0 then
        return schedule.DELAYED, now + delay_us, true
    end
    return schedule.READY, nil, true
end

---What the put makes of the task.
---@param letter string state of the task: READY, DELAYED or BURIED
---@return table { operations, state, pri, due }
function replace.plan(tube, tuple, letter, options, data)
    local now = timer.wall_us()
    local state, due, is_anew = moment(options, now, letter, tuple)
    local dead, ttl_us = tuple.dead, options.ttl and span_us(options.ttl)
    if options.ttl == nil and is_anew then
        ttl_us = tube.ttl_us
    end
    if options.ttl ~= nil or is_anew then
        dead = ttl_us and math.max(now, tonumber(state == schedule.DELAYED and due or now)) + ttl_us or nil
    end
    local pri = options.pri or tuple.pri
    local value = data
    if payload.is(data) then
        value = msgpack.decode(data.bytes)
    end
    if value == nil then
        value = box.NULL
    end
    local operations = {
        { '=', 'state', LETTERS[state] }, { '=', 'pri', pri }, { '=', 'due', due or box.NULL },
        { '=', 'dead', dead or box.NULL }, { '=', 'meta', new_meta(tuple, options) }, { '=', 'data', value },
    }
    if options.ttr ~= nil then
        table.insert(operations, { '=', 'ttr', span_us(options.ttr) or box.NULL })
    end
    return {
        operations = operations, state = state, pri = tonumber(pri),
        due = tonumber(state == schedule.DELAYED and due or dead or 0),
    }
end

---Changes a task that the schedule knows, in the caller's transaction.
---@return box.tuple [id, state, data]
function replace.known(tube, n, plan)
    return commit.one(tube, STEPS[plan.state], n, plan)
end

---Changes one that this same transaction has put or replaced.
---@return box.tuple [id, state, data]
function replace.own(tube, id, plan)
    local tuple = tube.store.pk:update(id, plan.operations)
    return reply.task(tuple, id, LETTERS[plan.state])
end

return replace
