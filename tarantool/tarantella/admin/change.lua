-- What operators do to tasks whose ids they know: one, or many in one commit.

local commit = require('tarantella.commit')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local reply = require('tarantella.reply')
local schedule = require('tarantella.schedule.schedule')
local steps = require('tarantella.admin.steps')
local timer = require('tarantella.timer')
local transition = require('tarantella.transition')

local MICRO = const.MICRO
local WORDS = {
    [schedule.READY] = 'ready', [schedule.DELAYED] = 'delayed',
    [schedule.BURIED] = 'buried', [schedule.TAKEN] = 'taken', [schedule.WAITING] = 'waiting for its children',
}

local change = {}

local function wrong_state(sched, n, expected)
    return errors.new('TASK_WRONG_STATE', ('Expected task %s to be %s, it is %s'):format(
        sched:id(n), expected, WORDS[sched:state(n)]))
end

-- Kinds of change. Each gives step and argument, or nil and why not.
local KINDS = {}

function KINDS.kick(sched, n)
    if sched:state(n) ~= schedule.BURIED then
        return nil, wrong_state(sched, n, 'buried')
    end
    return transition.kick
end

function KINDS.promote(sched, n)
    if sched:state(n) ~= schedule.DELAYED then
        return nil, wrong_state(sched, n, 'delayed')
    end
    return steps.promote, { due = timer.wall_us() }
end

---Whoever holds it.
function KINDS.release(sched, n, arg)
    if sched:state(n) ~= schedule.TAKEN then
        return nil, wrong_state(sched, n, 'taken')
    elseif arg ~= nil and arg > 0 then
        return transition.delay, arg
    end
    return transition.release
end

-- The moment at which a task is to be ready; nil: no change of that.
local function due_of(o, now)
    if o.at ~= nil then
        return math.floor(o.at * MICRO)
    end
    return o.delay ~= nil and now + math.floor(o.delay * MICRO) or nil
end

local function span_us(seconds)
    return seconds ~= nil and (seconds >= const.MAX_DURATION_S and math.huge or math.floor(seconds * MICRO)) or nil
end

function KINDS.update(sched, n, o)
    local state = sched:state(n)
    local now = timer.wall_us()
    local due = due_of(o, now)
    if steps.update[state] == nil then
        return nil, wrong_state(sched, n, 'ready, delayed or buried')
    elseif due ~= nil and state == schedule.BURIED then
        return nil, wrong_state(sched, n, 'ready or delayed')
    elseif due ~= nil then
        state = due > now and schedule.DELAYED or schedule.READY
    end
    return steps.update[state], {
        pri = o.pri, due = due, ttl_us = span_us(o.ttl), ttr_us = span_us(o.ttr),
        has_data = o.has_data, data = o.data, has_lane = o.has_lane, lane = o.lane,
    }
end

-- Record, or 0 and why not.
local function find(sched, id)
    local n = sched:find(id)
    if n == 0 then
        return 0, errors.new('TASK_NOT_FOUND', ('Task %s not found'):format(id))
    elseif sched:is_busy(n) then
        return 0, errors.new('TASK_BUSY', ('Task %s is being changed by another call'):format(id))
    end
    return n
end

---@param kind string kick, promote, release or update
---@param arg any of the kind
---@return box.tuple task
function change.one(tube, kind, id, arg)
    local sched = tube.sched
    local n, failure = find(sched, id)
    local step, value
    if failure == nil then
        step, value = KINDS[kind](sched, n, arg)
        failure = step == nil and value or nil
    end
    if failure ~= nil then
        error(failure, 0)
    end
    return commit.one(tube, step, n, value)
end

---@param items table { ids, args, failures, count }: index → value; entries are added to failures
---@return table index → letter of the state afterwards
local function change_all(tube, kind, items)
    local sched, failures = tube.sched, items.failures
    local list, ns, args, letters, named = {}, {}, {}, {}, {}
    for i = 1, items.count do
        local id = items.ids[i]
        if failures[i] == nil then
            local n, failure = find(sched, id)
            local step, value
            if named[id] then
                failure = errors.new('TASK_BUSY', ('Task %s is named twice'):format(id))
            elseif failure == nil then
                step, value = KINDS[kind](sched, n, items.args[i])
                failure = step == nil and value or nil
            end
            named[id] = true
            if failure ~= nil then
                failures[i] = failure
            else
                list[i], ns[i], args[i], letters[i] = step, n, value, step.letter
            end
        end
    end
    if next(ns) ~= nil then
        commit.many(tube, list, ns, args, items.count, failures)
    end
    return letters
end

---@return integer how many were changed; those that cannot be changed now are left
function change.count(tube, kind, ids)
    local failures = {}
    change_all(tube, kind, { ids = ids, args = {}, failures = failures, count = #ids })
    local failed = 0
    for _ in pairs(failures) do
        failed = failed + 1
    end
    return #ids - failed
end

---@return box.tuple results
function change.many(tube, kind, items)
    local letters = change_all(tube, kind, items)
    reply.open()
    for i = 1, items.count do
        if items.failures[i] == nil then
            reply.add_state(items.ids[i], letters[i])
        else
            reply.add_failure(errors.describe(items.failures[i]))
        end
    end
    return reply.close()
end

function KINDS.delete(sched, n)
    if sched:state(n) == schedule.TAKEN then
        return nil, wrong_state(sched, n, 'ready, delayed or buried')
    end
    return transition.delete
end

return change
