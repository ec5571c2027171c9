#!/usr/bin/env tarantool
-- Pauses and rates of tubes and lanes, on a clock that the test moves.
-- MODEL_SEED repeats the walk, MODEL_STEPS makes it longer.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local queue = fixture.queue()
local fiber = require('fiber')
local instance = require('instance')
local ability = require('tarantella.ability.flow')
local bucket = require('tarantella.schedule.bucket')
local timer = require('tarantella.timer')
local code_of, eventually = fixture.code_of, fixture.eventually

local seed = tonumber(os.getenv('MODEL_SEED')) or os.time()
local STEPS = tonumber(os.getenv('MODEL_STEPS')) or 4000
math.randomseed(seed)
local random = math.random

-- The test's clock, in milliseconds; nil for the true one.
local now
local true_clock = timer.monotonic_us
timer.monotonic_us = function()
    return now ~= nil and now * 1000 or true_clock()
end

-- Moves the clock, and lets the timer's job do all that is due.
local function pass(ms)
    now = now + ms
    repeat
        local seconds = ability.run()
    until seconds == nil or seconds > 0
end

local function turn(read_only)
    box.cfg({ read_only = read_only })
    eventually('the role has changed', function() return queue.state() == (read_only and 'WAITING' or 'RUNNING') end)
end

local function reload()
    for name in pairs(package.loaded) do
        if name:match('^tarantella') then
            package.loaded[name] = nil
        end
    end
    return require('tarantella')
end

local function later(...)
    local channel, args = fiber.channel(1), { ... }
    fiber.create(function() channel:put(args[1](unpack(args, 2)) or 'nothing') end)
    return channel
end

local function fill(name, count, options)
    local items = {}
    for i = 1, count do
        items[i] = { i, options and options(i) }
    end
    queue.put_many(name, items)
end

-- How many a take of all gets; they are acked.
local function drain(name)
    local got = queue.take_many(name, 1000, 0)
    local items = {}
    for _, task in got:pairs() do
        table.insert(items, { task[1], task[4] })
    end
    queue.ack_many(name, items)
    return #items
end

-- nginx's ngx_http_limit_req_lookup, without its delays: whether a request passes.
local function nginx(state, rate, burst, ms)
    if state.last == nil then
        state.excess, state.last = 0, ms
        return true
    end
    local excess = state.excess - math.floor(rate * math.max(0, ms - state.last) / 1000) + 1000
    excess = math.max(0, excess)
    if excess > burst then
        return false
    end
    state.excess, state.last = excess, ms
    return true
end

fixture.run('rates', {
    { 'the bucket says what nginx says', function(test)
        for _, limit in ipairs({ { 5, 12 }, { 5, 0 }, { 0.5, 3 }, { 1000, 0 }, { 333.333, 2.5 } }) do
            local rate, burst = limit[1] * 1000, limit[2] * 1000
            local ours, theirs, ms, differs = bucket.new(0), {}, 0, nil
            for i = 1, 3000 do
                ms = ms + (random(3) == 1 and random(0, 900) or random(0, 3))
                local passes = bucket.allowance(ours, { rate = rate, burst = burst }, ms) >= 1
                if passes ~= nginx(theirs, rate, burst, ms) then
                    differs = differs or i
                end
                if passes then
                    bucket.add(ours, { rate = rate, burst = burst }, ms)
                    local opens = bucket.opens(ours, { rate = rate, burst = burst })
                    local is_exact = bucket.allowance(ours, { rate = rate, burst = burst }, opens) >= 1
                        and (opens <= ms or bucket.allowance(ours, { rate = rate, burst = burst }, opens - 1) < 1)
                    differs = differs or not is_exact and i or nil
                end
            end
            test:is(differs, nil, ('%g/s, burst %g'):format(limit[1], limit[2]))
        end
    end },
    { 'a paused tube takes puts and acks, and gives nothing; its takes wait', function(test)
        local tube = queue.create_tube('pause', 'fifottl')
        fill('pause', 3)
        local held = tube:take(0)
        test:is(queue.pause('pause'), true, 'paused')
        test:is(queue.pause('pause'), false, 'it was')
        test:is(tube:take(0), nil, 'nothing to take')
        test:is(tube:put('x')[2], 'r', 'a put')
        test:is(tube:ack(held[1])[2], '-', 'an ack')
        local waits = later(tube.take, tube, 10)
        eventually('it waits', function() return tube.raw:waiting() == 1 end)
        test:is(queue.statistics('pause').flow.paused, true, 'statistics')
        test:like(table.concat(queue.health().warnings, ';'), 'tube pause is paused', 'health')
        test:is(tube:resume(), true, 'a method too')
        test:is(waits:get(10)[3], 2, 'the take goes on')
        test:is(tube.raw.flow, nil, 'and nothing is left of the pause')
        test:is(queue.resume('pause'), false, 'it was not paused')
    end },
    { 'a paused lane holds nobody else up', function(test)
        local tube = queue.create_tube('lanes', 'utubettl')
        queue.pause('lanes', { utube = 'b' })
        fill('lanes', 4, function(i) return { utube = i % 2 == 0 and 'a' or 'b' } end)
        test:is(tube:take(0)[3], 2, 'the other lane')
        test:is(tube:take(0), nil, 'which is busy now')
        local waits = later(tube.take, tube, 10, { utube = 'b' })
        eventually('it waits', function() return tube.raw:waiting() == 1 end)
        test:is_deeply(queue.statistics('lanes').flow.paused_lanes, { 'b' }, 'statistics')
        test:like(table.concat(queue.health().warnings, ';'), 'tube lanes has 1 paused lanes', 'health')
        queue.resume('lanes', { utube = 'b' })
        test:is(waits:get(10)[3], 1, 'resumed')
    end },
    { 'pauses and rates outlive a change of the role and a reload', function(test)
        queue.create_tube('role', 'utubettl', { rate = { rate = 5 } })
        fill('role', 3, function(i) return { utube = 'l' .. i } end)
        queue.set_rate('role', { rate = 100, burst = 7 })
        queue.set_rate('role', { rate = 2, each = true })
        queue.pause('role', { utube = 'l1' })
        local before = queue.statistics('role').flow
        turn(true)
        turn(false)
        test:is_deeply(queue.statistics('role').flow, before, 'the same')
        test:is(queue.take('role', 0)[3], 2, 'the paused lane is passed')
        queue.pause('role')
        reload()
        test:is(queue.take('role', 0), nil, 'paused')
        queue.resume('role')
        test:is(queue.statistics('role').flow.lanes_limited, 1, 'the newer copy knows what was taken')
        queue.set_rate('role', { rate = box.NULL })
        test:is(queue.statistics('role').flow.rate, nil, 'a null ends what the options say')
        queue.pause('role', { utube = 'l1' })
        queue.truncate('role')
        queue.put('role', 1, { utube = 'l1' })
        test:is(queue.take('role', 0), nil, 'a truncated tube keeps them')
        queue.drop('role')
        test:is(box.space._tarantella_flow:len(), 0, 'they go with the tube')
        ability, bucket, timer = require('tarantella.ability.flow'), require('tarantella.schedule.bucket'),
            require('tarantella.timer')
        true_clock = timer.monotonic_us
        timer.monotonic_us = function() return now ~= nil and now * 1000 or true_clock() end
    end },
    { 'in a transaction they hold from its commit on', function(test)
        local tube = queue.create_tube('joined', 'fifo')
        tube:put(1)
        box.begin()
        queue.pause('joined')
        box.rollback()
        test:is(tube.raw.flow, nil, 'a rollback leaves nothing')
        box.begin()
        queue.pause('joined')
        tube:put(2)
        box.commit()
        eventually('it is paused', function() return tube.raw.flow ~= nil end)
        test:is(tube:take(0), nil, 'paused')
        box.begin()
        queue.resume('joined')
        box.commit()
        eventually('it is not', function() return tube.raw.flow == nil end)
        test:is(tube:take(0)[3], 1, 'resumed')
    end },
    { 'kill -9 forgets no setting', function(test)
        local folder = fixture.folder()
        local settings = { TUBES = 'lanes:utubettl', ADMIN_PASSWORD = 'a' }
        for round = 1, 3 do
            local server = instance.start(fixture.init, folder, settings)
            local admin = instance.connect(server, 'queue_admin', 'a')
            if round > 1 then
                local flow = admin:call('queue.statistics', { 'lanes' }).flow
                test:is_deeply(flow.paused_lanes, { 'l' .. round - 1 }, 'the paused lane')
                test:is(flow.rate.rate, round - 1, 'the rate')
                admin:call('queue.resume', { 'lanes', { utube = 'l' .. round - 1 } })
            end
            admin:call('queue.pause', { 'lanes', { utube = 'l' .. round } })
            admin:call('queue.set_rate', { 'lanes', { rate = round } })
            instance.crash(server)
        end
    end },
    { 'who waits for a rate is served at its time', function(test)
        local tube = queue.create_tube('timed', 'utube', { rate = { rate = 50 }, lane_rate = { rate = 40 } })
        fill('timed', 4, function(i) return { utube = 'l' .. i % 2 } end)
        local last
        for i = 1, 3 do
            local task = tube:take(10)
            test:ok(task, 'a take')
            local at = true_clock()
            test:ok(i == 1 or at - last >= 18000, 'not before its time')
            last = at
            tube:ack(task[1])
        end
        local lane = tube:take(10, { utube = 'l0' })
        test:is(lane ~= nil and lane[3], 4, 'by its lane, too')
    end },
    { 'the timer hears what it is told while it is at work', function(test)
        timer.stop()
        local passes = 0
        timer.start(function() return {} end, function() end, {
            job = function()
                passes = passes + 1
                if passes == 1 then
                    timer.nudge(true_clock() + 1000, true)
                end
            end,
        })
        eventually('it looks again', function() return passes == 2 end)
        timer.stop()
        turn(true)
        turn(false)
        test:ok(true, 'it looked again')
    end },
    { 'wrong settings are refused, and nothing is set', function(test)
        local function refused(what, fn, ...)
            test:is(code_of(fn, ...), 'INVALID_ARGUMENT', what)
        end
        queue.create_tube('bad', 'utubettl')
        queue.create_tube('flat', 'fifo')
        refused('a rate of 0', queue.set_rate, 'bad', { rate = 0 })
        refused('a rate that is no number', queue.set_rate, 'bad', { rate = '5' })
        refused('NaN', queue.set_rate, 'bad', { rate = 0 / 0 })
        refused('a burst without a rate', queue.set_rate, 'bad', { burst = 5 })
        refused('a negative burst', queue.set_rate, 'bad', { rate = 1, burst = -1 })
        refused('a lane and each', queue.set_rate, 'bad', { rate = 1, utube = 'a', each = true })
        refused('an unknown option', queue.set_rate, 'bad', { rate = 1, brust = 1 })
        refused('nothing', queue.set_rate, 'bad')
        refused('a lane of a tube without', queue.pause, 'flat', { utube = 'a' })
        refused('each of a tube without', queue.set_rate, 'flat', { rate = 1, each = true })
        refused('lane_rate without lanes', queue.create_tube, 'x', 'fifo', { lane_rate = { rate = 1 } })
        refused('a rate that is no map', queue.create_tube, 'x', 'fifo', { rate = 5 })
        test:is(box.space._tarantella_flow:len(), 0, 'no row')
    end },
    { 'a tube gives its rate and its burst, whoever takes', function(test)
        timer.stop()
        now = math.floor(true_clock() / 1000) + 10000
        local tube = queue.create_tube('rate', 'fifo', { rate = { rate = 10, burst = 4 } })
        fill('rate', 100)
        test:is(drain('rate'), 5, 'the burst and one more')
        pass(99)
        test:is(drain('rate'), 0, 'none before its time')
        pass(1)
        test:is(drain('rate'), 1, 'one at its time')
        pass(350)
        test:is(drain('rate'), 3, 'three later')
        pass(100000)
        test:is(drain('rate'), 5, 'a rest saves no more than the burst')
        local order, waits = {}, {}
        for i = 1, 3 do
            waits[i] = later(function()
                local task = tube:take(10)
                table.insert(order, i)
                return task
            end)
        end
        eventually('all wait', function() return tube.raw:waiting() == 3 end)
        for i = 1, 3 do
            pass(100)
            test:ok(waits[i]:get(10)[1], 'one is served')
        end
        test:is_deeply(order, { 1, 2, 3 }, 'first come, first served')
        queue.set_rate('rate', { rate = box.NULL })
        test:is(drain('rate'), 83, 'without a limit')
    end },
    { 'a release gives no take back, and a late task of the limit is not lost', function(test)
        local tube = queue.create_tube('back', 'fifo', { rate = { rate = 1 } })
        tube:put(1)
        local task = tube:take(0)
        tube:release(task[1])
        test:is(tube:take(0), nil, 'the take counted')
        pass(1000)
        test:is(tube:take(0)[1], task[1], 'its turn')
    end },
    { 'ten thousand limited lanes of a hundred thousand tasks keep their rates', function(test)
        local LANES, EACH = 10000, 10
        queue.create_tube('many', 'utubettl', { lane_rate = { rate = 2, burst = 1 }, lane_limit = 100 })
        for _ = 1, EACH do
            fill('many', LANES, function(i) return { utube = i } end)
        end
        local raw = queue.tube.many.raw
        local function count()
            local n = 0
            while true do
                local got = drain('many')
                if got == 0 then
                    return n
                end
                n = n + got
            end
        end
        local took = true_clock()
        test:is(count(), 2 * LANES, 'two of each at once')
        local first = true_clock() - took
        test:is(raw.flow.shut, LANES, 'all of them wait')
        test:is(raw.sched:available(), 0, 'out of sight')
        queue.put('many', 'free')
        test:is(queue.take('many', 0)[3], 'free', 'and hold nobody up')
        pass(499)
        test:is(count(), 0, 'none before its time')
        pass(1)
        test:is(count(), LANES, 'one of each')
        pass(10000)
        took = true_clock()
        test:is(count(), 2 * LANES, 'two of each')
        test:ok((true_clock() - took) < 5 * first + 1e6, 'a take costs what it did')
        for _ = 1, 5 do
            pass(500)
            count()
        end
        test:is(raw.sched.ready.by_name['1'], nil, 'the lanes are gone')
        pass(10000)
        test:is(raw.flow.moments.n + raw.flow.shut, 0, 'and so are their buckets')
        test:is(next(raw.flow.gates), nil, 'and gates')
    end },
    { 'a lane that comes and goes task by task keeps its rate', function(test)
        queue.create_tube('short', 'utubettl', { lane_rate = { rate = 1 } })
        local got = 0
        for _ = 1, 100 do
            queue.put('short', 1, { utube = 'l' })
            got = got + drain('short')
            pass(100)
        end
        test:is(got, 10, 'ten in ten seconds')
        queue.set_rate('short', { rate = 1000, utube = 'l' })
        pass(0)
        test:is(drain('short'), 1, 'one in a turn')
        queue.set_rate('short', { utube = 'l' })
        queue.set_rate('short', { each = true })
        pass(0)
        test:is(queue.tube.short.raw.flow, nil, 'nothing is left without a limit')
    end },
    { ('a walk of %d steps gives what a plain model gives, seed %d'):format(STEPS, seed), function(test)
        local tube = queue.create_tube('walk', 'utubettl', { lane_limit = 3, lane_rate = { rate = 3, burst = 1 } })
        local raw = tube.raw
        local tasks, model = {}, { lanes = {}, states = {}, each = { 3000, 1000 }, own = {}, paused = {} }
        local function limit_of(lane)
            return model.own[lane] or model.each
        end
        local function passes(key, limit)
            local state = model.states[key] or {}
            local copy = { excess = state.excess, last = state.last }
            return limit == nil or nginx(copy, limit[1], limit[2], now), copy
        end
        local function taken_of(lane)
            local n = 0
            for _, task in pairs(tasks) do
                n = n + (task.lane == lane and task.is_taken and 1 or 0)
            end
            return n
        end
        local function expected()
            if model.is_paused or not passes('', model.rate) then
                return nil
            end
            local best
            for id, task in pairs(tasks) do
                local lane = task.lane
                local is_free = not task.is_taken and (lane == nil or taken_of(lane) < 3 and not model.paused[lane]
                    and passes('lane' .. lane, limit_of(lane)))
                if is_free and (best == nil or task.pri < tasks[best].pri
                    or task.pri == tasks[best].pri and id < best) then
                    best = id
                end
            end
            return best
        end
        local function count_take(id)
            local lane = tasks[id].lane
            tasks[id].is_taken = true
            if model.rate ~= nil then
                model.states[''] = select(2, passes('', model.rate))
            end
            if lane ~= nil and limit_of(lane) ~= nil then
                model.states['lane' .. lane] = select(2, passes('lane' .. lane, limit_of(lane)))
            end
        end
        -- As much as time has drained under the limit until now.
        local function settle(key, limit)
            local state = model.states[key]
            if state ~= nil and limit ~= nil then
                local drained = math.floor(limit[1] * (now - state.last) / 1000)
                model.states[key] = { excess = math.max(-1000, state.excess - drained), last = now }
            end
        end
        local function some_rate()
            local rate, burst = random(20), random(0, 3)
            return { rate = rate, burst = burst }, { rate * 1000, burst * 1000 }
        end
        local function some_lane()
            return 'l' .. random(4)
        end
        local steps
        steps = {
            put = function()
                local o = { pri = random(3), utube = random(4) > 1 and some_lane() or nil }
                tasks[tube:put('x', o)[1]] = { pri = o.pri, lane = o.utube }
            end,
            take = function()
                local want = expected()
                local task = tube:take(0)
                if (task and task[1]) ~= want then
                    return ('took %s, expected %s'):format(tostring(task and task[1]), tostring(want))
                end
                if want ~= nil then count_take(want) end
            end,
            take_many = function()
                for _, task in queue.take_many('walk', random(4), 0):pairs() do
                    local want = expected()
                    if task[1] ~= want then
                        return ('took %s of many, expected %s'):format(task[1], tostring(want))
                    end
                    count_take(want)
                end
            end,
            finish = function()
                for id, task in pairs(tasks) do
                    if task.is_taken then
                        if random(2) == 1 then
                            tube:ack(id)
                            tasks[id] = nil
                        else
                            tube:release(id)
                            task.is_taken = false
                        end
                        return
                    end
                end
            end,
            pause = function()
                queue[random(3) == 1 and 'pause' or 'resume']('walk')
                model.is_paused = raw.flow ~= nil and raw.flow.is_paused
            end,
            pause_lane = function()
                local lane, is_paused = some_lane(), random(2) == 1
                queue[is_paused and 'pause' or 'resume']('walk', { utube = lane })
                model.paused[lane] = is_paused
            end,
            set_tube = function()
                local rate, limit = some_rate()
                if random(2) == 1 then
                    queue.set_rate('walk', rate)
                    -- A tube without a rate counts nothing.
                    settle('', model.rate)
                    model.states[''] = model.rate ~= nil and model.states[''] or nil
                    model.rate = limit
                else
                    queue.set_rate('walk', {})
                    model.rate, model.states[''] = nil, nil
                end
            end,
            set_lane = function()
                local lane, rate, limit = some_lane(), some_rate()
                rate.utube = lane
                queue.set_rate('walk', random(2) == 1 and rate or { utube = lane })
                settle('lane' .. lane, limit_of(lane))
                local own = raw.flow.lanes[lane]
                model.own[lane] = own ~= nil and own.rate ~= nil and limit or nil
            end,
            set_each = function()
                local rate, limit = some_rate()
                rate.each = true
                queue.set_rate('walk', rate)
                for i = 1, 4 do
                    settle('lanel' .. i, limit_of('l' .. i))
                end
                model.each = limit
            end,
            wait = function() pass(random(3) == 1 and random(0, 2000) or random(0, 100)) end,
            load = function() raw:load(timer.wall_us()) for _, task in pairs(tasks) do task.is_taken = false end end,
        }
        local names = fixture.keys(steps)
        table.sort(names)
        for step = 1, STEPS do
            local name = names[random(#names)]
            name = random(2) == 1 and ({ 'put', 'take', 'finish', 'wait' })[random(4)] or name
            if raw.sched:total() > 30 then name = ({ 'take', 'finish', 'wait' })[random(3)] end
            local problem = steps[name]()
            pass(0)
            for id, task in pairs(tasks) do
                local n = raw.sched:find(id)
                if n == 0 or (raw.sched:letter(n) == 't') ~= (task.is_taken == true) then
                    problem = problem or ('task %d'):format(id)
                end
            end
            if problem ~= nil then
                test:fail(('step %d, %s: %s; MODEL_SEED=%d'):format(step, name, problem, seed))
                return
            end
        end
        test:ok(true, 'the same after each')
    end },
})
