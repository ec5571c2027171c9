#!/usr/bin/env tarantool
-- Random puts with keys, failures, ends of leases, acks, cancels and redrives, one after
-- another, alone and in transactions that are committed or not. Every answer is compared
-- with what a plain model says, and after every step the rows of keys and tasks are the
-- model's and the schedule is what a rebuild gives. MODEL_SEED repeats a run, MODEL_STEPS
-- makes it longer.

local here = arg[0]:match('^(.*/)') or './'
local fixture = dofile(here .. 'fixture.lua')
local queue = fixture.queue({ log_level = 3, wal_mode = 'none' })
local keys = require('tarantella.ability.keys')
local lapse = require('tarantella.lapse')
local lapsed = require('tarantella.ability.lapsed')
local scan = require('tarantella.scan')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')

local seed = tonumber(os.getenv('MODEL_SEED')) or os.time()
local STEPS = tonumber(os.getenv('MODEL_STEPS')) or 4000
local MOST = 3 -- attempts
math.randomseed(seed)
local random = math.random

timer.stop()
local wall = timer.wall_us()
timer.wall_us = function() return wall end
timer.loop_us = timer.wall_us

queue.create_tube('dead', 'fifo')
queue.create_tube('live', 'fifottl', { dedup = true, max_attempts = MOST, dead_letter = 'dead' })
local live, dead = queue.tube.live.raw, queue.tube.dead.raw

-- tasks: id → { state, key, data, attempts }; held: key → { id or nil, ends, run }; graves: a list of { key, data }.
local model = { tasks = {}, held = {}, graves = {} }

local problem
local function check(got, want, what)
    if got ~= want and problem == nil then
        problem = ('%s: got %s, expected %s'):format(what, tostring(got), tostring(want))
    end
end

local function holder(m, key)
    local held = m.held[key]
    if held ~= nil and held.id == nil and held.ends <= wall then
        return nil
    end
    return held
end

local function add(m, id, o, data)
    m.tasks[id] = { state = o.delay and '~' or 'r', key = o.key, data = data, attempts = 0 }
    if o.key ~= nil then
        m.held[o.key] = { id = id, ends = o.window and wall + o.window * 1000000 or 0 }
    end
end

-- The task has ended; the run that follows gets the next id there is.
local function finish(m, id)
    local task = m.tasks[id]
    m.tasks[id] = nil
    local held = task.key and m.held[task.key]
    if not held or held.id ~= id then
        return
    end
    m.held[task.key] = nil
    if held.run ~= nil then
        local follow = live.space.index[0]:max()[1]
        add(m, tonumber(follow), held.run.o, held.run.data)
    elseif held.ends > wall then
        m.held[task.key] = { ends = held.ends }
    end
end

local function some(m, state)
    local ids = {}
    for id, task in pairs(m.tasks) do
        if state == nil or task.state == state then
            table.insert(ids, id)
        end
    end
    table.sort(ids)
    return #ids > 0 and ids[random(#ids)] or nil
end

local function some_key()
    return 'k' .. random(6)
end

-- What a put is to answer, and what it does to the model.
local function expect_put(m, o, data, answer)
    local held = o.key and holder(m, o.key)
    if not held then
        check(answer[4], nil, 'a new task')
        add(m, answer[1], o, data)
        return
    elseif held.id == nil then
        check(answer[4], 'duplicate', 'a window')
        return
    end
    local task = m.tasks[held.id]
    check(answer[1], held.id, 'the task of the key')
    if task.state == 't' and (o.dedup == 'after' or o.dedup == 'replace' and o.taken) then
        check(answer[4], 'after', 'kept')
        held.run = { o = o, data = data }
    elseif task.state ~= 't' and o.dedup == 'replace' then
        check(answer[4], 'replaced', 'replaced')
        task.data, task.attempts = data, 0
        if o.extend or task.state == '!' then
            task.state = o.delay and '~' or 'r'
        end
        held.ends = o.window and wall + o.window * 1000000 or held.ends
    else
        check(answer[4], 'duplicate', 'refused')
    end
end

local function some_put()
    local key = random(4) > 1 and some_key() or nil
    return {
        key = key, dedup = key and ({ 'reject', 'replace', 'after' })[random(3)], delay = random(3) == 1 and 1e6 or nil,
        taken = key and random(2) == 1 and 'after' or nil, extend = key and random(2) == 1 or nil,
        window = key and random(4) == 1 and random(50) or nil,
    }
end

local function failed(m, id, is_final)
    local task = m.tasks[id]
    task.attempts = task.attempts + 1
    if is_final or task.attempts >= MOST then
        table.insert(m.graves, { key = task.key, data = task.data })
        finish(m, id)
        return '-'
    end
    task.state = 'r'
    return 'r'
end

local steps = {}
function steps.put(m)
    local o, data = some_put(), random(1000)
    expect_put(m, o, data, queue.put('live', data, o):totable())
end
function steps.put_many(m)
    local items, count = {}, random(4)
    for i = 1, count do
        items[i] = { random(1000), some_put() }
    end
    items[count + 1] = { 1, { dedup = 'reject' } }
    local results = queue.put_many('live', items):totable()
    for i = 1, count do
        check(results[i].code, nil, 'a put')
        expect_put(m, items[i][2], items[i][1], { results[i][1], results[i][2], nil, results[i][3] })
    end
    check(results[count + 1].code, 'INVALID_ARGUMENT', 'refused')
end
function steps.take(m)
    local task = queue.take('live', 0, { attempts = true })
    local id = task and task[1]
    check(id ~= nil, some(m, 'r') ~= nil, 'whether there is one')
    if id ~= nil then
        local known = m.tasks[id]
        check(task[3], known.data, 'data')
        check(task[5], known.attempts + 1, 'attempt')
        known.state = 't'
    end
end
function steps.ack(m)
    local id = some(m, 't')
    if id ~= nil then
        check(queue.ack_many('live', { id })[1][2], '-', 'ack')
        finish(m, id)
    end
end
function steps.fail(m)
    local id, is_final = some(m, 't'), random(5) == 1
    if id ~= nil then
        local result = queue.fail('live', id, { final = is_final, delay = 0, error = 'e' })
        check(result[2], failed(m, id, is_final), 'fail')
    end
end
function steps.fail_many(m)
    local id = some(m, 't')
    if id ~= nil then
        local results = queue.fail_many('live', { 123456, id, id }):totable()
        check(results[1].code, 'TASK_NOT_TAKEN', 'unknown')
        check(results[2][2], failed(m, id), 'fail')
        check(results[3].code, 'TASK_NOT_TAKEN', 'twice')
    end
end
function steps.delete(m)
    local id = some(m)
    if id ~= nil then
        queue.delete('live', id)
        finish(m, id)
    end
end
function steps.bury(m)
    local id = some(m)
    if id ~= nil then
        queue.bury('live', id)
        m.tasks[id].state = '!'
    end
end
function steps.cancel(m)
    local key = some_key()
    local held = holder(m, key)
    local task = held and held.id and m.tasks[held.id]
    local is_there = task ~= nil and task ~= false and (task.state ~= 't' or held.run ~= nil)
    check(queue.cancel('live', key), is_there and true or false, 'cancel')
    if is_there then
        held.run = nil
        if task.state ~= 't' then
            held.ends = 0
            finish(m, held.id)
        end
    end
end
function steps.redrive(m)
    local before = dead:len()
    local moved = queue.redrive('dead', { limit = 1 })
    local at
    for i, grave in ipairs(m.graves) do
        if not (grave.key and holder(m, grave.key)) then
            at = i
            break
        end
    end
    -- The oldest whose key is free.
    check(moved, at ~= nil and 1 or 0, 'redrive')
    check(before - dead:len(), box.is_in_txn() and 0 or moved, 'moved')
    if moved == 1 then
        local grave = table.remove(m.graves, at)
        add(m, tonumber(live.space.index[0]:max()[1]), { key = grave.key }, grave.data)
    end
end

-- Those that stand alone.
local alone = {}
function alone.time_passes()
    wall = wall + random(20) * 1000000
end
function alone.windows_end()
    keys.expire()
end
function alone.lease_ends(m)
    local id = some(m, 't')
    if id ~= nil then
        lapse.one(live, live.sched, live.sched:find(id))
        check(lapsed.run(), 0, 'there was one')
        while lapsed.run() do end
        failed(m, id)
    end
end
function alone.late_ack(m)
    local id = some(m, 't')
    if id ~= nil then
        local _, token = live.sched:lease_of(live.sched:find(id))
        lapse.one(live, live.sched, live.sched:find(id))
        local first = random(2) == 1
        if first then
            while lapsed.run() do end
        end
        local ok = pcall(queue.ack, 'live', id, token)
        while lapsed.run() do end
        if first and m.tasks[id].attempts + 1 >= MOST then
            check(ok, false, 'the dead cannot be acked')
            failed(m, id)
        else
            check(ok, true, 'a late ack')
            finish(m, id)
        end
    end
end
function alone.truncate(m)
    if random(20) == 1 then
        queue.truncate('live')
        m.tasks, m.held = {}, {}
    end
end

-- Several calls in one transaction. A task that is changed in it is left alone until its end.
function alone.transaction(m)
    local copy = table.deepcopy(m)
    box.begin()
    steps[({ 'put', 'put_many', 'ack', 'fail', 'delete' })[random(5)]](copy)
    if random(2) == 1 then
        box.commit()
        m.tasks, m.held, m.graves = copy.tasks, copy.held, copy.graves
    else
        box.rollback()
    end
end

local function picture(sched)
    local all = {}
    for n = 1, sched.slab.used do
        if sched:state(n) ~= 0 then
            check(sched:is_busy(n), false, 'busy')
            all[tonumber(sched:id(n))] = sched:letter(n)
        end
    end
    return all
end

local function compare(m)
    local got, rebuilt = picture(live.sched), schedule.new()
    scan.load(live.store, rebuilt, wall)
    local stored, count = picture(rebuilt), 0
    for id, task in pairs(m.tasks) do
        local row = live.space:get(id)
        check(got[id], task.state, 'state of ' .. id)
        check(stored[id], task.state == 't' and (stored[id] == '~' and '~' or 'r') or task.state, 'rebuilt ' .. id)
        check(row and row.data, task.data, 'data of ' .. id)
        check(row and row.meta and row.meta.attempts or 0, task.attempts, 'attempts of ' .. id)
        count = count + 1
    end
    check(live.sched:total(), count, 'tasks')
    check(dead.sched:total(), #m.graves, 'graves')
    for i = 1, 6 do
        local key = 'k' .. i
        local held, row = holder(m, key), keys.get(live, key)
        check(row ~= nil, held ~= nil, 'the row of ' .. key)
        if held ~= nil and row ~= nil then
            check(row.is_ended, held.id == nil, 'the end of ' .. key)
            check(row.is_ended or row.task_id == held.id, true, 'the task of ' .. key)
            check(row.run ~= nil, held.run ~= nil, 'what follows ' .. key)
        end
    end
    check(next(live.dedup.moving), nil, 'moving')
    check(next(live.amended), nil, 'amended')
    check(live.sched.busy + live.arriving + dead.arriving + dead.sched.busy, 0, 'under way')
end

fixture.run('attempts and keys', {
    { ('every answer and every row is the model\'s, seed %d'):format(seed), function(test)
        local all, done = {}, {}
        for name in pairs(steps) do table.insert(all, name) end
        for name in pairs(alone) do table.insert(all, name) end
        table.sort(all)
        for step = 1, STEPS do
            local name = all[random(#all)]
            done[name] = true
            local run = steps[name] or alone[name]
            run(model)
            compare(model)
            if problem ~= nil then
                test:fail(('step %d, %s: %s; MODEL_SEED=%d'):format(step, name, problem, seed))
                return
            end
        end
        for _, name in ipairs(all) do
            test:ok(done[name], name .. ' was among them')
        end
    end },
})
