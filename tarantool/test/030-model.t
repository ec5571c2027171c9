#!/usr/bin/env tarantool
-- Random calls of many sessions, one after another, with a clock that the test moves
-- forward and back. Every answer is compared with what a plain model says; after every step
-- the schedule must be the model's, and what a rebuild from the rows would give.
-- MODEL_SEED repeats a run, MODEL_STEPS makes it longer.

local here = arg[0]:match('^(.*/)') or './'
local fixture = dofile(here .. 'fixture.lua')
local model = dofile(here .. 'model.lua')
local queue = fixture.queue({ log_level = 3, wal_mode = 'none' })
local fiber = require('fiber')
local expiry = require('tarantella.expiry')
local scan = require('tarantella.scan')
local schedule = require('tarantella.schedule.schedule')
local session = require('tarantella.session')
local timer = require('tarantella.timer')

local SESSIONS, MOST_TASKS = 5, 25
local seed = tonumber(os.getenv('MODEL_SEED')) or os.time()
local STEPS = tonumber(os.getenv('MODEL_STEPS')) or 6000
math.randomseed(seed)
local random = math.random

local expected = model.new()
timer.stop()
timer.wall_us = function() return expected.wall end
timer.loop_us = timer.wall_us
timer.monotonic_us = function() return expected.monotonic end

local tube = queue.create_tube('model', 'utubettl')
local raw = tube.raw

-- Calls a function in the fiber, and so in the session, of that number.
local calls, answers = {}, {}
for i = 1, SESSIONS do
    calls[i], answers[i] = fiber.channel(0), fiber.channel(0)
    fiber.create(function()
        while true do
            local fn = calls[i]:get()
            answers[i]:put({ pcall(fn) })
        end
    end)
end
local function as(i, fn)
    calls[i]:put(fn)
    local answer = answers[i]:get()
    if answer[1] then
        return answer[2]
    end
    return nil, type(answer[2]) == 'cdata' and answer[2].type or tostring(answer[2])
end

-- A delivery of long ago may be named by anybody.
local deliveries = {}
local function some_delivery()
    local one = #deliveries > 0 and deliveries[random(math.max(1, #deliveries - 15), #deliveries)] or { 0, 999 }
    return one[1], random(2) == 1 and one[2] or nil
end
local function some_id()
    return random(math.max(0, expected.last_id - MOST_TASKS), expected.last_id + 1)
end
local function some_options()
    return {
        pri = random(-1, 1), utube = random(3) == 1 and 'lane' .. random(3) or nil,
        delay = random(4) == 1 and random(50) or nil, ttl = random(3) == 1 and random(200) or nil,
        ttr = random(2) == 1 and random(50) or nil,
    }
end
local function seconds()
    return random(3) == 1 and random(50) or nil
end

local problem
local function check(got, want, what)
    if got ~= want and problem == nil then
        problem = ('%s: got %s, expected %s'):format(what, tostring(got), tostring(want))
    end
end

-- One that only its holder may do: the answer's state, and what the model does then.
local function by_holder(i, id, token, call, letter, apply)
    local task, code = as(i, call)
    local held = expected:held(i, id, token)
    check(code, held == nil and 'TASK_NOT_TAKEN' or nil, 'error')
    if held ~= nil and task ~= nil then
        check(task[2], letter, 'state')
        apply(held)
    end
end

local steps = {}
function steps.put(i)
    local o = some_options()
    local before = expected.last_id
    local task = as(i, function() return tube:put('x', o) end)
    check(task[1] > before, true, 'a new id')
    expected:put(task[1], o)
    check(task[2], expected.tasks[task[1]].state, 'state')
end
function steps.put_many(i)
    local list = { { 1, some_options() }, { 2, some_options() }, { 3, { pri = 'x' } } }
    local results = as(i, function() return queue.put_many('model', list) end)
    for k = 1, 2 do
        expected:put(results[k][1], list[k][2])
    end
    check(results[3].code, 'INVALID_ARGUMENT', 'refused')
end
function steps.transaction(i)
    local o, does_commit = some_options(), random(2) == 1
    local task = as(i, function()
        box.begin()
        local task = tube:put('x', o)
        if does_commit then box.commit() else box.rollback() end
        return task
    end)
    if does_commit then
        expected:put(task[1], o)
    end
end
function steps.take(i)
    local want = expected:next()
    local task = as(i, function() return tube:take(0, { token = true }) end)
    check(task and task[1], want and want.id, 'taken')
    if task ~= nil and want ~= nil then
        expected:take(i, task[4])
        table.insert(deliveries, { task[1], task[4] })
    end
end
function steps.take_many(i)
    local tasks = as(i, function() return queue.take_many('model', random(3), 0) end)
    for _, task in tasks:pairs() do
        local want = expected:next()
        check(task[1], want and want.id, 'taken')
        if want == nil then return end
        expected:take(i, task[4])
        table.insert(deliveries, { task[1], task[4] })
    end
end
function steps.ack(i)
    local id, token = some_delivery()
    by_holder(i, id, token, function() return tube:ack(id, token) end, '-', function()
        expected.tasks[id] = nil
    end)
end
function steps.ack_many(i)
    local id, token = some_delivery()
    local unknown = expected.last_id + 1000
    by_holder(i, id, token, function()
        local results = queue.ack_many('model', { { unknown }, { id, token } })
        check(results[1].code, 'TASK_NOT_TAKEN', 'an unknown id')
        if results[2].code ~= nil then
            error(box.error.new({ type = results[2].code, reason = 'x' }))
        end
        return results[2]
    end, '-', function() expected.tasks[id] = nil end)
end
function steps.release(i)
    local id, token = some_delivery()
    local delay = seconds()
    by_holder(i, id, token, function() return tube:release(id, { token = token, delay = delay }) end,
        delay and '~' or 'r', function(task) expected:release(task, delay) end)
end
function steps.touch(i)
    local id, token = some_delivery()
    local more = random(60)
    by_holder(i, id, token, function() return tube:touch(id, more, { token = token }) end, 't',
        function(task) expected:touch(task, i, more, token) end)
end
function steps.bury(i)
    local id = some_id()
    local task, code = as(i, function() return tube:bury(id) end)
    check(code, expected.tasks[id] == nil and 'TASK_NOT_FOUND' or nil, 'error')
    if task ~= nil then
        expected:bury(expected.tasks[id])
    end
end
function steps.delete(i)
    local id = some_id()
    local _, code = as(i, function() return tube:delete(id) end)
    check(code, expected.tasks[id] == nil and 'TASK_NOT_FOUND' or nil, 'error')
    expected.tasks[id] = nil
end
function steps.peek(i)
    local id = some_id()
    local task = as(i, function() return tube:peek(id) end)
    check(task and task[2], expected.tasks[id] and expected.tasks[id].state, 'state')
end
function steps.kick(i)
    local count = random(3)
    check(as(i, function() return tube:kick(count) end), expected:kick(count), 'kicked')
end
function steps.close(i)
    as(i, session.close_current)
    expected:close(i)
end
local function let_time_do_its_work()
    repeat until expiry.run(raw) > 0
    expected:expire()
end
function steps.time_passes()
    local span = random(40) * 1000000
    expected.wall, expected.monotonic = expected.wall + span, expected.monotonic + span
    -- Sometimes the timer is late.
    if random(3) > 1 then
        let_time_do_its_work()
    end
end
function steps.clock_is_set()
    -- What a take has seen expired stays out of sight, wherever the clock is set before the
    -- timer comes to it.
    let_time_do_its_work()
    expected.wall = expected.wall + random(-100, 100) * 1000000
    let_time_do_its_work()
end

local function picture(sched)
    local all = {}
    for n = 1, sched.slab.used do
        if sched:state(n) ~= 0 then
            check(sched:is_busy(n), false, 'busy')
            all[tonumber(sched:id(n))] = ('%s %s %.0f'):format(sched:letter(n), sched:pri(n), sched:due(n))
        end
    end
    return all
end

local function same(got, want, what)
    for id, text in pairs(want) do
        check(got[id], text, ('%s, task %d'):format(what, id))
    end
    for id in pairs(got) do
        check(want[id] ~= nil, true, ('%s, task %d is known'):format(what, id))
    end
end

local function compare()
    same(picture(raw.sched), expected:picture(false), 'schedule')
    local rebuilt = schedule.new()
    scan.load(raw.store, rebuilt, expected.wall)
    same(picture(rebuilt), expected:picture(true), 'rebuild')
end

local names = {}
for name in pairs(steps) do
    table.insert(names, name)
end
table.sort(names)

fixture.run('model', {
    { ('every answer and every schedule is the model\'s, seed %d'):format(seed), function(test)
        local count = {}
        for step = 1, STEPS do
            local name = names[random(#names)]
            if raw.sched:total() > MOST_TASKS then
                name = ({ 'take', 'ack', 'delete', 'time_passes' })[random(4)]
            end
            count[name] = (count[name] or 0) + 1
            steps[name](random(SESSIONS))
            compare()
            if problem ~= nil then
                test:fail(('step %d, %s: %s; MODEL_SEED=%d'):format(step, name, problem, seed))
                return
            end
        end
        test:ok(true, ('%d steps'):format(STEPS))
        for _, name in ipairs(names) do
            test:ok((count[name] or 0) > 0, name .. ' was among them')
        end
    end },
})
