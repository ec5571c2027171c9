#!/usr/bin/env tarantool
-- Random calls of operators on two tubes, and what a plain model says of them. After every
-- step both schedules must be the model's, and what a rebuild from the rows would give.
-- MODEL_SEED repeats a run, MODEL_STEPS makes it longer.

local here = arg[0]:match('^(.*/)') or './'
local fixture = dofile(here .. 'fixture.lua')
local model = dofile(here .. 'model.lua')
local queue = fixture.queue({ log_level = 3, wal_mode = 'none' })
local fiber = require('fiber')
local expiry = require('tarantella.expiry')
local scan = require('tarantella.scan')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')

local MOST_TASKS, SECOND = 25, 1000000
local seed = tonumber(os.getenv('MODEL_SEED')) or os.time()
local STEPS = tonumber(os.getenv('MODEL_STEPS')) or 3000
math.randomseed(seed)
local random = math.random

local wall, monotonic = 1e15, 5e9
timer.stop()
timer.wall_us = function() return wall end
timer.loop_us = timer.wall_us
timer.monotonic_us = function() return monotonic end

local NAMES = { 'a', 'b' }
local expected = {}
for _, name in ipairs(NAMES) do
    queue.create_tube(name, 'utubettl')
    expected[name] = model.new()
end

local problem
local function check(got, want, what)
    if got ~= want and problem == nil then
        problem = ('%s: got %s, expected %s'):format(what, tostring(got), tostring(want))
    end
end

local function maybe(value, one_of)
    return random(one_of or 2) == 1 and value or nil
end
local function some_lane()
    return 'lane' .. random(3)
end
local function some_id(of)
    return random(math.max(0, of.last_id - MOST_TASKS), of.last_id + 1)
end

-- A call, and the code that it has to fail with; the answer if it should not.
local function call(code, name, ...)
    local ok, answer = pcall(queue[name], ...)
    check(ok and 'no error' or answer.type, code or 'no error', name)
    return ok and answer or nil
end

-- Ids of the tasks that a filter names, in order.
local function matching(of, states, lane)
    local ids = {}
    for id, task in pairs(of.tasks) do
        if states:find(task.state, 1, true) and (lane == nil or task.lane == lane) then
            table.insert(ids, id)
        end
    end
    table.sort(ids)
    return ids
end

-- What a wrong state and a missing task answer.
local function refusal(task, states)
    return task == nil and 'TASK_NOT_FOUND' or not states:find(task.state, 1, true) and 'TASK_WRONG_STATE' or nil
end

local function promote(task)
    local before = math.max(wall, task.written or wall)
    task.dead = task.dead and task.dead - (before - wall)
    task.state, task.due, task.written = 'r', nil, nil
end

local steps = {}
function steps.put(name, of)
    local o = {
        pri = random(-1, 1), utube = maybe(some_lane()), delay = maybe(random(50), 3), ttl = maybe(random(200), 3),
        ttr = maybe(random(50)),
    }
    of:put(queue.put(name, 'x', o)[1], o)
end
function steps.take(name, of)
    local task = queue.take(name, 0, { token = true })
    local want = of:next()
    check(task and task[1], want and want.id, 'taken')
    if task ~= nil and want ~= nil then
        of:take(1, task[4])
    end
end
function steps.update(name, of)
    local id = some_id(of)
    local task = of.tasks[id]
    local o = {
        pri = maybe(random(-2, 2)), utube = maybe(maybe(some_lane()) or box.NULL, 3), ttr = maybe(random(50), 3),
        ttl = maybe(random(200), 3), delay = maybe(random(0, 50), 3), data = 'y',
    }
    local code = refusal(task, 'r~!') or o.delay ~= nil and task.state == '!' and 'TASK_WRONG_STATE' or nil
    local answer = call(code, 'update', name, id, o)
    if code ~= nil then
        return
    end
    local before = math.max(wall, task.written or wall)
    local after = o.delay ~= nil and wall + o.delay * SECOND or before
    if o.ttl ~= nil then
        task.dead = after + o.ttl * SECOND
    elseif o.delay ~= nil then
        task.dead = task.dead and task.dead + after - before
    end
    if o.delay ~= nil then
        task.state = o.delay > 0 and '~' or 'r'
        task.due = o.delay > 0 and after or nil
        task.written = task.due
    end
    task.pri, task.ttr = o.pri or task.pri, o.ttr and o.ttr * SECOND or task.ttr
    if type(o.utube) ~= 'nil' then
        task.lane = o.utube ~= nil and o.utube or nil
    end
    check(answer and answer[2], task.state, 'state after the update')
end
function steps.promote(name, of)
    local id = some_id(of)
    local code = refusal(of.tasks[id], '~')
    call(code, 'promote', name, id)
    if code == nil then
        promote(of.tasks[id])
    end
end
function steps.kick_id(name, of)
    local id = some_id(of)
    local code = refusal(of.tasks[id], '!')
    local results = queue.kick_id(name, { id, id }):totable()
    check(results[1].code, code, 'kick_id')
    check(results[2].code, 'TASK_BUSY', 'the same twice')
    if code == nil then
        of.tasks[id].state, of.tasks[id].written = 'r', nil
    end
end
function steps.bury(name, of)
    local id = some_id(of)
    if of.tasks[id] ~= nil then
        queue.bury(name, id)
        of:bury(of.tasks[id])
    end
end
function steps.release_id(name, of)
    local id = some_id(of)
    local code = refusal(of.tasks[id], 't')
    local delay = maybe(random(50))
    call(code, 'release_id', name, id, { delay = delay })
    if code == nil then
        of:release(of.tasks[id], delay)
    end
end
function steps.kick_where(name, of)
    local lane, limit = maybe(some_lane()), random(3)
    local ids = matching(of, '!', lane)
    check(queue.kick_where(name, { utube = lane, limit = limit }).count, math.min(limit, #ids), 'kicked')
    for i = 1, math.min(limit, #ids) do
        of.tasks[ids[i]].state, of.tasks[ids[i]].written = 'r', nil
    end
end
function steps.promote_where(name, of)
    local lane, limit = maybe(some_lane()), random(3)
    local ids = matching(of, '~', lane)
    check(queue.promote_where(name, { utube = lane, limit = limit }).count, math.min(limit, #ids), 'promoted')
    for i = 1, math.min(limit, #ids) do
        promote(of.tasks[ids[i]])
    end
end
function steps.drain(name, of)
    local lane, limit, states = maybe(some_lane()), random(4), ('r~!'):sub(1, random(3))
    local ids = matching(of, states, lane)
    local list = {}
    for letter in states:gmatch('.') do
        table.insert(list, letter)
    end
    check(queue.drain(name, { state = list, utube = lane, limit = limit }).count, math.min(limit, #ids), 'drained')
    for i = 1, math.min(limit, #ids) do
        of.tasks[ids[i]] = nil
    end
end
function steps.move(name, of)
    local to = name == 'a' and 'b' or 'a'
    local lane, limit, is_kicked = maybe(some_lane()), random(5), random(2) == 1
    local ids = matching(of, 'r~!', lane)
    local result = queue.move(name, to, { state = { 'r', '~', '!' }, utube = lane, limit = limit, kick = is_kicked })
    local moved = 0
    for _, id in ipairs(ids) do
        local task = of.tasks[id]
        if moved < limit and not (task.dead ~= nil and task.dead <= wall) then
            moved = moved + 1
            local pair = result.tasks[moved] or {}
            check(pair[1], id, 'moved')
            if pair[2] == nil then
                return
            end
            of.tasks[id] = nil
            local is_delayed = task.written ~= nil and task.written > wall
            task.state = is_delayed and '~' or task.state == '!' and not is_kicked and '!' or 'r'
            task.due = is_delayed and task.written or nil
            task.id, task.written = pair[2], task.due
            expected[to].tasks[pair[2]], expected[to].last_id = task, pair[2]
        end
    end
    check(result.count, moved, 'count of the moved')
end
function steps.list(name, of)
    local lane, limit, is_reverse = maybe(some_lane()), random(6), random(2) == 1
    local states = ('r~!t'):sub(random(3), 4)
    local list = {}
    for letter in states:gmatch('.') do
        table.insert(list, letter)
    end
    local after = maybe(some_id(of))
    local ids = matching(of, states, lane)
    local want = {}
    for i = is_reverse and #ids or 1, is_reverse and 1 or #ids, is_reverse and -1 or 1 do
        local is_behind = after == nil or is_reverse and ids[i] < after or not is_reverse and ids[i] > after
        if is_behind and #want < limit then
            table.insert(want, ids[i])
        end
    end
    local page = queue.list(name, { state = list, utube = lane, limit = limit, after = after, reverse = is_reverse })
    local got = {}
    for i, task in ipairs(page.tasks) do
        got[i] = tonumber(task.id)
        check(task.state, of.tasks[got[i]] and of.tasks[got[i]].state, 'state in the list')
    end
    check(table.concat(got, ' '), table.concat(want, ' '), 'list')
end
function steps.rollback(name)
    box.begin()
    local o = { state = { 'r', '~', '!' }, limit = 3 }
    queue.move(name, name == 'a' and 'b' or 'a', o)
    queue.drain(name)
    box.rollback()
end
function steps.time_passes()
    wall, monotonic = wall + random(40) * SECOND, monotonic + random(40) * SECOND
    for _, name in ipairs(NAMES) do
        expected[name].wall, expected[name].monotonic = wall, monotonic
        repeat until expiry.run(queue.tube[name].raw) > 0
        expected[name]:expire()
    end
end

local function picture(sched)
    local all = {}
    for n = 1, sched.slab.used do
        if sched:state(n) ~= 0 then
            check(sched:is_busy(n), false, 'busy')
            all[tonumber(sched:id(n))] = ('%s %s %.0f'):format(sched:letter(n), sched:pri(n), sched:due(n))
                .. ' ' .. tostring(sched.ready:lane_of(n))
        end
    end
    return all
end
local function same(got, of, rebuilt, what)
    local want = of:picture(rebuilt)
    for id, text in pairs(want) do
        check(got[id], text .. ' ' .. tostring(of.tasks[id].lane), ('%s, task %d'):format(what, id))
    end
    for id in pairs(got) do
        check(want[id] ~= nil, true, ('%s, task %d is known'):format(what, id))
    end
end
local function compare()
    for _, name in ipairs(NAMES) do
        local raw = queue.tube[name].raw
        same(picture(raw.sched), expected[name], false, 'schedule of ' .. name)
        local rebuilt = schedule.new()
        scan.load(raw.store, rebuilt, wall)
        same(picture(rebuilt), expected[name], true, 'rebuild of ' .. name)
    end
end

local names = fixture.keys(steps)
table.sort(names)

fixture.run('admin walk', {
    { ('every answer and every schedule is the model\'s, seed %d'):format(seed), function(test)
        local count = {}
        for step = 1, STEPS do
            local name = names[random(#names)]
            local tube = NAMES[random(2)]
            if queue.tube[tube].raw.sched:total() < MOST_TASKS and random(3) == 1 then
                name = 'put'
            end
            count[name] = (count[name] or 0) + 1
            steps[name](tube, expected[tube])
            compare()
            if step % 100 == 0 then
                -- Tarantool 3 ends a fiber that does not let others run.
                fiber.sleep(0)
            end
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
