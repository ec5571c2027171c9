#!/usr/bin/env tarantool
-- Many fibers do random things at once; then the schedule is what a rebuild from the
-- rows gives. The seed is printed; STRESS_SEED repeats a run.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue({ log_level = 3 })
local fiber = require('fiber')
local nodes = require('tarantella.schedule.nodes')
local schedule = require('tarantella.schedule.schedule')

local FIBERS, STEPS = 30, 150
local seed = tonumber(os.getenv('STRESS_SEED')) or os.time()
math.randomseed(seed)

-- Refusals that random calls have to expect.
local EXPECTED = { TASK_NOT_TAKEN = true, TASK_NOT_FOUND = true, TASK_BUSY = true }

local function options()
    return {
        pri = math.random(3), utube = math.random(2) == 1 and 'lane' .. math.random(4) or nil,
        delay = math.random(4) == 1 and math.random() / 20 or nil,
        ttl = math.random(6) == 1 and math.random() / 10 or nil,
        ttr = math.random(4) == 1 and math.random() / 20 or nil,
    }
end

local function some_id()
    local last = box.space.stress.index[0]:max()
    return math.random(last and last.id or 1)
end

local steps = {
    function(tube) tube:put('x', options()) end,
    function() queue.put_many('stress', { { 1, options() }, { 2, options() }, { 3 } }) end,
    function(tube, held)
        local task = tube:take(math.random() / 100, { token = true })
        if task ~= nil then
            table.insert(held, { task[1], task[4] })
        end
    end,
    function(_, held)
        local tasks = queue.take_many('stress', 5, math.random() / 100)
        for _, task in tasks:pairs() do
            table.insert(held, { task[1], task[4] })
        end
    end,
    function(tube, held)
        local task = table.remove(held)
        if task ~= nil then
            tube:ack(task[1], task[2])
        end
    end,
    function(_, held)
        queue.ack_many('stress', { table.remove(held), table.remove(held) })
    end,
    function(tube, held)
        local task = table.remove(held)
        if task ~= nil then
            tube:release(task[1], { token = task[2], delay = math.random(2) == 1 and 0.01 or nil })
        end
    end,
    function(tube, held)
        local task = held[1]
        if task ~= nil then
            tube:touch(task[1], 0.01, { token = task[2] })
        end
    end,
    function(tube) tube:bury(some_id()) end,
    function(tube) tube:kick(3) end,
    function(tube) tube:delete(some_id()) end,
    -- A transaction of the caller, ended either way.
    function(tube, held)
        local task = table.remove(held)
        box.begin()
        local ok = pcall(function()
            tube:put('in', options())
            if task ~= nil then
                tube:ack(task[1], task[2])
            end
        end)
        if ok and math.random(2) == 1 then
            box.commit()
        else
            box.rollback()
        end
    end,
}

local function act(tube, problems)
    local held = {}
    for _ = 1, STEPS do
        local ok, cause = pcall(steps[math.random(#steps)], tube, held)
        if not ok and not (type(cause) == 'cdata' and EXPECTED[cause.type]) then
            table.insert(problems, tostring(cause))
        end
        if box.is_in_txn() then
            box.rollback()
            table.insert(problems, 'a transaction was left open')
        end
    end
end

-- What is in a schedule, task by task; taken ones are ready to a rebuild.
local function picture(sched)
    local tasks = {}
    for n = 1, sched.slab.used do
        local state = sched:state(n)
        if state ~= 0 then
            local name = ({ 'ready', 'delayed', 'buried', 'ready' })[state]
            -- A delay that is over is ready or delayed, by how far the timer is.
            tasks[tonumber(sched:id(n))] = name == 'delayed' and 'ready' or name
        end
    end
    return tasks
end

-- Lanes count their taken tasks, and expose a task iff they have one and room.
local function lanes_are_sound(sched)
    local taken = {}
    for n = 1, sched.slab.used do
        local lane = sched.slab.u[n * nodes.CELLS + nodes.LANE]
        if sched:state(n) == schedule.TAKEN then
            taken[lane] = (taken[lane] or 0) + 1
        end
    end
    for number, lane in ipairs(sched.ready.lanes) do
        if lane and (lane.active ~= (taken[number] or 0)
            or (lane.active == 0 and lane.heap.n > 0) ~= (lane.exposed ~= 0)) then
            return false
        end
    end
    return true
end

local function busy(sched)
    local n = 0
    for i = 1, sched.slab.used do
        n = n + (sched:state(i) ~= 0 and sched:is_busy(i) and 1 or 0)
    end
    return n
end

fixture.run('stress', {
    { ('after random calls the schedule equals a rebuild, seed %d'):format(seed), function(test)
        local tube = queue.create_tube('stress', 'utubettl')
        local done, problems = fiber.channel(FIBERS), {}
        for _ = 1, FIBERS do
            fiber.create(function()
                act(tube, problems)
                done:put(true)
            end)
        end
        for _ = 1, FIBERS do
            test:is(done:get(60), true, 'a fiber ended')
        end
        test:is_deeply(problems, {}, 'no error but the expected ones')
        local raw = tube.raw
        test:diag(require('json').encode(queue.statistics('stress').calls))
        fixture.eventually('no commit is under way and nothing is due', function()
            local due = raw.sched.dues:top()
            -- With MVCC a row counts until its deletion is committed.
            return raw.sched:total() == box.space.stress:len() and due == 0 and busy(raw.sched) == 0
        end)
        test:is(raw.waiters.n, 0, 'nobody waits')
        test:is(raw.waiters.promised, 0, 'nothing is promised')
        test:is(raw.arriving, 0, 'nothing arrives')
        test:is(raw.sched.busy, 0, 'the count of changes under way')
        test:ok(lanes_are_sound(raw.sched), 'lanes')
        local before, count = picture(raw.sched), raw.sched.count
        local sum = count[schedule.READY] + count[schedule.DELAYED] + count[schedule.BURIED] + count[schedule.TAKEN]
        test:is(sum, raw.sched:total(), 'counters')
        raw:load(require('tarantella.timer').wall_us())
        test:is_deeply(picture(raw.sched), before, 'the same tasks in the same states')
    end },
})
