#!/usr/bin/env tarantool
-- Takes from several tubes with one wait, and priorities that age.
-- MODEL_SEED repeats the walk, MODEL_STEPS makes it longer, STORM_CONNECTIONS the storm.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local queue = fixture.queue({ net_msg_max = 5000 })
local fiber = require('fiber')
local instance = require('instance')
local net_box = require('net.box')
local timer = require('tarantella.timer')
local code_of, eventually = fixture.code_of, fixture.eventually

local seed = tonumber(os.getenv('MODEL_SEED')) or os.time()
local STEPS = tonumber(os.getenv('MODEL_STEPS')) or 3000
local CONNECTIONS = tonumber(os.getenv('STORM_CONNECTIONS')) or 200
math.randomseed(seed)
local random = math.random

queue.grant_roles()
box.schema.user.grant('guest', 'tarantella_consumer')

local function connect()
    local listen = box.info.listen or box.cfg.listen
    return net_box.connect(type(listen) == 'table' and listen[1] or listen, { connect_timeout = 20 })
end

local function turn(read_only)
    box.cfg({ read_only = read_only })
    eventually('the role has changed', function() return queue.state() == (read_only and 'WAITING' or 'RUNNING') end)
end

local function later(...)
    local channel, args = fiber.channel(1), { ... }
    fiber.create(function() channel:put(args[1](unpack(args, 2)) or 'nothing') end)
    return channel
end

local function waiting(name)
    return queue.tube[name].raw:waiting()
end

local function clear(...)
    for _, name in ipairs({ ... }) do
        queue.release_all(name)
        queue.truncate(name)
    end
end

local function make(kind, ...)
    for _, name in ipairs({ ... }) do
        queue.create_tube(name, kind)
    end
end

-- Names of the tubes, in the order of the tasks.
local function origins(tasks)
    local names = {}
    for _, task in tasks:pairs() do
        table.insert(names, task[1])
    end
    return table.concat(names)
end

local function is_sound(name)
    local raw = queue.tube[name].raw
    return raw:waiting() == 0 and raw.waiters.promised == 0 and raw.lanes_total.promised == 0
end

fixture.run('many tubes', {
    { 'a task says its tube, and is acked there', function(test)
        make('fifo', 'a', 'b')
        queue.put('a', { x = 1 })
        queue.put('b', { x = 2 })
        local tasks = queue.take_any({ 'a', 'b' }, 0, { n = 5 }):totable()
        test:is(#tasks, 2, 'both')
        local token = tasks[1][5]
        test:is_deeply(tasks[1], { 'a', 0, 't', { x = 1 }, token }, 'its shape')
        test:is(queue.ack('a', 0, token)[2], '-', 'acked by its token')
        test:is(queue.ack('b', tasks[2][2])[2], '-', 'and without')
        test:is(#queue.take_any({ 'a', 'b' }, 0.01), 0, 'an empty list')
        test:is(is_sound('a') and is_sound('b'), true, 'nobody waits')
        queue.put('a', 1)
        test:is(queue.take_any({ 'a' }, 0, { attempts = true })[1][6], 1, 'the attempt, where asked for')
        clear('a', 'b')
    end },
    { 'weights hold, for many tasks and task by task', function(test)
        make('fifo', 'x', 'y', 'z')
        for _, name in ipairs({ 'x', 'y', 'z' }) do
            for i = 1, 40 do
                queue.put(name, i)
            end
        end
        local weights = { x = 5, y = 1, z = 1 }
        test:is(origins(queue.take_any(weights, 0, { n = 14 })), 'xxyxzxxxxyxzxx', 'smoothly, as nginx does')
        local counts = { x = 0, y = 0, z = 0 }
        for _ = 1, 14 do
            local name = queue.take_any(weights, 0)[1][1]
            counts[name] = counts[name] + 1
        end
        test:is_deeply(counts, { x = 10, y = 2, z = 2 }, 'task by task')
        test:is(origins(queue.take_any({ 'x', 'y' }, 0, { n = 4 })), 'xyxy', 'equal ones take turns')
        queue.take_many('x', 100, 0)
        test:is(origins(queue.take_any(weights, 0, { n = 4 })), 'yzyz', 'an empty tube holds nobody up')
        clear('x', 'y', 'z')
    end },
    { 'one wait for all of them, first come, first served', function(test)
        local one = later(queue.take_any, { 'a', 'b' }, 10)
        eventually('the first waits', function() return waiting('a') == 1 and waiting('b') == 1 end)
        local two = later(queue.tube.b.take, queue.tube.b, 10)
        eventually('the second waits', function() return waiting('b') == 2 end)
        local three = later(queue.take_any, { 'a', 'b' }, 10, { n = 10 })
        eventually('the third waits', function() return waiting('b') == 3 end)
        queue.put('b', 'b1')
        test:is(one:get(10)[1][4], 'b1', 'who came first')
        test:is(waiting('a'), 1, 'stands in no line any more')
        queue.put('b', 'b2')
        test:is(two:get(10)[3], 'b2', 'who came second')
        box.begin()
        queue.put('a', 'a3')
        queue.put('b', 'b3')
        box.commit()
        test:is(#three:get(10), 2, 'has what came at once')
        test:is(is_sound('a') and is_sound('b'), true, 'nothing is promised')
    end },
    { 'a take that one tube woke in vain goes on waiting for all of them', function(test)
        local any = later(queue.take_any, { 'a', 'b' }, 10)
        eventually('it waits', function() return waiting('a') == 1 end)
        local plain = later(queue.tube.b.take, queue.tube.b, 10)
        eventually('both wait', function() return waiting('b') == 2 end)
        -- Woken by the put, and out of reach before anybody runs.
        queue.bury('a', queue.put('a', 'gone')[1])
        test:is(waiting('a'), 1, 'it waits on, in its place')
        queue.put_many('b', { { 'b1' }, { 'b2' } })
        test:ok(any:get(10)[1][4]:match('^b'), 'the one')
        test:ok(plain:get(10)[3]:match('^b'), 'the other')
        test:is(is_sound('a') and is_sound('b'), true, 'nothing is promised')
    end },
    { 'a wait is cancelled by its key, ended by a lost connection, by the end of the role', function(test)
        local connection = connect()
        local future = connection:call('queue.take_any', { { a = 1, b = 2 }, 10, { key = 'k' } }, { is_async = true })
        eventually('it waits', function() return waiting('a') == 1 end)
        test:is(connection:call('queue.cancel_take', { 'b', 'k' }), true, 'cancelled')
        test:is_deeply(fixture.plain(future:wait_result(10)[1]), {}, 'an empty list')
        connection:call('queue.take_any', { { 'a', 'b' }, 10 }, { is_async = true })
        eventually('it waits', function() return waiting('b') == 1 end)
        connection:close()
        eventually('it does not', function() return is_sound('a') and is_sound('b') end)
        queue.put('a', 1)
        test:is(queue.statistics('a').tasks.ready, 1, 'and was given nothing')
        queue.truncate('a')
        local demoted = later(queue.take_any, { 'a', 'b' }, 10)
        eventually('it waits', function() return waiting('b') == 1 end)
        turn(true)
        test:is(#demoted:get(10), 0, 'an empty list')
        test:is(code_of(queue.take_any, { 'a' }, 0), 'QUEUE_NOT_RUNNING', 'a replica gives nothing')
        turn(false)
        clear('a', 'b')
        local canceled = fiber.create(queue.take_any, { 'a', 'b' }, 10)
        canceled:set_joinable(true)
        eventually('it waits', function() return waiting('b') == 1 end)
        canceled:cancel()
        canceled:join()
        test:is(is_sound('a') and is_sound('b'), true, 'a fiber that is cancelled leaves all lines')
    end },
    { 'lanes, pauses and rates hold', function(test)
        queue.create_tube('lanes', 'utube')
        queue.create_tube('slow', 'fifo', { rate = { rate = 0.01, burst = 1 } })
        for i = 1, 4 do
            queue.put('lanes', i, { utube = 'l' .. i % 2 })
            queue.put('slow', i)
        end
        queue.pause('a')
        queue.put('a', 1)
        test:is(origins(queue.take_any({ 'lanes', 'slow', 'a' }, 0, { n = 10 })), 'lanesslowlanesslow', 'two of each')
        queue.resume('a')
        test:is(queue.take_any({ 'lanes', 'slow', 'a' }, 0)[1][1], 'a', 'resumed')
        clear('a')
    end },
    { 'tubes whose takes are watched, written or read from disk', function(test)
        local seen = {}
        queue.create_tube('watched', 'fifo', { on_task_change = function(_, event) table.insert(seen, event) end })
        queue.create_tube('disk', 'fifo', { engine = 'vinyl' })
        queue.put('watched', 1)
        queue.put('disk', 2)
        test:is(#queue.take_any({ 'watched', 'disk', 'b' }, 0, { n = 5 }), 2, 'both')
        fiber.sleep(0)
        test:is(table.concat(seen, ' '), 'put take', 'told')
        queue.cfg({ in_replicaset = true, ttr = 10 })
        queue.put('b', 3)
        local task = queue.take_any({ 'a', 'b' }, 0)[1]
        test:is(box.space._tarantella_lease:count({ queue.tube.b.raw.id, task[2] }), 1, 'its lease is written')
        queue.cfg({ in_replicaset = false, ttr = 0 })
        queue.ack('b', task[2])
    end },
    { 'in a transaction of the caller it does not wait', function(test)
        box.begin()
        test:is(#queue.take_any({ 'a', 'b' }, 100), 0, 'nothing')
        test:is(box.is_in_txn(), true, 'the transaction goes on')
        box.commit()
    end },
    { 'wrong arguments are refused', function(test)
        for what, given in pairs({
            ['no tubes'] = { {} }, ['no table'] = { 'a' }, ['a weight of 0'] = { { a = 0 } },
            ['a weight that is no number'] = { { a = 'b' } }, ['a name that is no text'] = { { 5 } },
            ['twice'] = { { 'a', 'a' } }, ['n'] = { { 'a' }, 0, { n = 0 } }, ['key'] = { { 'a' }, 0, { key = {} } },
            ['an unknown option'] = { { 'a' }, 0, { m = 1 } }, ['a timeout'] = { { 'a' }, -1 },
        }) do
            test:is(code_of(queue.take_any, unpack(given)), 'INVALID_ARGUMENT', what)
        end
        local many = {}
        for i = 1, 101 do
            many[i] = 't' .. i
        end
        test:is(code_of(queue.take_any, many, 0), 'INVALID_ARGUMENT', 'too many')
        test:is(code_of(queue.take_any, { 'a', 'nowhere' }, 0), 'TUBE_NOT_FOUND', 'an unknown tube')
    end },
    { 'connections that wait for several tubes and drop leave nothing behind', function(test)
        local ended, names = fiber.channel(CONNECTIONS), { 'x', 'y', 'z' }
        for i = 1, CONNECTIONS do
            fiber.create(function()
                local connection = connect()
                connection:call('queue.take_any', { names, 100, { n = 1 + i % 3 } }, { is_async = true })
                if i % 2 == 0 then
                    connection:call('queue.take_any', { names, 0 })
                end
                connection:close()
                ended:put(true)
            end)
            queue.put(names[i % 3 + 1], i)
        end
        for _ = 1, CONNECTIONS do
            ended:get(30)
        end
        local function sum(field)
            local n = 0
            for _, name in ipairs(names) do
                n = n + queue.statistics(name).tasks[field]
            end
            return n
        end
        eventually('nothing is taken and nobody waits', function()
            return sum('taken') == 0 and is_sound('x') and is_sound('y') and is_sound('z')
        end)
        test:is(sum('ready'), CONNECTIONS, 'all are ready')
        test:is(#queue.take_any(names, 0, { n = 1000 }), CONNECTIONS, 'and can be taken')
        clear(unpack(names))
    end },
    { ('crowds of both kinds of takes get every task once, seed %d'):format(seed), function(test)
        local names, seen, got, stop = { 'x', 'y', 'z' }, {}, 0, false
        local done = fiber.channel(20)
        for i = 1, 20 do
            fiber.create(function()
                while not stop do
                    local tasks = {}
                    if i % 2 == 0 then
                        for _, task in queue.take_any(names, random(3) / 100, { n = random(3) }):pairs() do
                            table.insert(tasks, { task[1], task[2] })
                        end
                    else
                        local name = names[random(3)]
                        local task = queue.tube[name]:take(random(3) / 100)
                        tasks[1] = task ~= nil and { name, task[1] } or nil
                    end
                    for _, task in ipairs(tasks) do
                        local key = task[1] .. task[2]
                        seen[key] = (seen[key] or 0) + 1
                        got = got + 1
                        queue.ack(task[1], task[2])
                    end
                end
                done:put(true)
            end)
        end
        local put = 0
        for _ = 1, 300 do
            local items = {}
            for k = 1, random(3) do
                items[k] = { k }
            end
            queue.put_many(names[random(3)], items)
            put = put + #items
        end
        eventually('all are done', function() return got == put end)
        stop = true
        for _ = 1, 20 do
            done:get(10)
        end
        local twice = 0
        for _, n in pairs(seen) do
            twice = twice + (n > 1 and 1 or 0)
        end
        test:is(twice, 0, 'each once')
        test:is(is_sound('x') and is_sound('y') and is_sound('z'), true, 'nothing is promised')
    end },
    { 'a task that has waited long enough passes those of a better priority', function(test)
        local wall, true_wall = timer.wall_us(), timer.wall_us
        timer.wall_us = function() return wall end
        local tube = queue.create_tube('ages', 'utubettl', { aging = 10 })
        tube:put('patient', { pri = 5 })
        tube:put('urgent', { pri = 0 })
        test:is(tube:take(0)[3], 'urgent', 'by priority at first')
        wall = wall + 49e6
        tube:put('later', { pri = 0 })
        test:is(tube:take(0)[3], 'later', 'before five steps')
        wall = wall + 2e6
        tube:put('late', { pri = 0 })
        test:is(tube:take(0)[3], 'patient', 'after five steps')
        test:is(box.space.ages:get(0).meta.pri, 5, 'the row knows its priority')
        tube:release(0)
        tube.raw:load(timer.wall_us())
        test:is(tube:take(0)[3], 'urgent', 'the order outlives a rebuild')
        test:is(tube:take(0)[3] .. tube:take(0)[3], 'laterpatient', 'and a release')
        tube:put('delayed', { pri = 0, delay = 3600 })
        test:ok(box.space.ages.index[0]:max().pri > box.space.ages:get(1).pri + 3600e3, 'a delay is no wait')
        queue.put_many('ages', { { 1, { pri = -9007199254740991 } }, { 2, { pri = 9007199254740991 } } })
        timer.wall_us = true_wall
    end },
    { 'aging is checked', function(test)
        for what, given in pairs({
            ['without priorities'] = { 'fifo', 1 }, ['zero'] = { 'fifottl', 0 }, ['text'] = { 'fifottl', 'x' },
            ['too long'] = { 'fifottl', 1e9 },
        }) do
            test:is(code_of(queue.create_tube, 'bad', given[1], { aging = given[2] }), 'INVALID_ARGUMENT', what)
        end
        local disk = queue.create_tube('old', 'fifottl', { engine = 'vinyl', aging = 100 })
        disk:put('a', { pri = 1 })
        disk:put('b', { pri = 0 })
        test:is(disk:take(0)[3], 'b', 'on vinyl too')
    end },
    { 'a dead task keeps its priority, and begins to wait anew when it comes back', function(test)
        queue.create_tube('dead', 'fifottl')
        local tube = queue.create_tube('mortal', 'fifottl', { aging = 10, max_attempts = 1, dead_letter = 'dead' })
        tube:put('x', { pri = 7 })
        queue.fail('mortal', tube:take(0)[1], { error = 'e' })
        local row = box.space.dead.index[0]:max()
        test:is(row.pri, 7, 'in the tube of the dead')
        queue.redrive('dead')
        row = box.space.mortal.index[0]:max()
        test:is(row.meta.pri, 7, 'and back')
        test:ok(row.pri > 1e12, 'with its age')
    end },
    { ('a walk of %d steps takes what a plain model takes, seed %d'):format(STEPS, seed), function(test)
        local AGING, wall, true_wall = 30, timer.wall_us(), timer.wall_us
        timer.wall_us = function() return wall end
        local weights = { m1 = 3, m2 = 2, m3 = 1 }
        local names, turns, tasks = { 'm1', 'm2', 'm3' }, { 0, 0, 0 }, {}
        for _, name in ipairs(names) do
            queue.create_tube(name, 'utubettl', { aging = AGING })
        end
        local function best(name)
            local first
            for id, task in pairs(tasks) do
                if task.name == name and not task.is_taken then
                    local busy = false
                    for _, other in pairs(tasks) do
                        busy = busy or other.is_taken and task.lane ~= nil and other.lane == task.lane
                            and other.name == name
                    end
                    if not busy and (first == nil or task.rank < tasks[first].rank
                        or task.rank == tasks[first].rank and task.id < tasks[first].id) then
                        first = id
                    end
                end
            end
            return first
        end
        local function turn_of()
            local at, total = nil, 0
            for i, name in ipairs(names) do
                if best(name) ~= nil then
                    turns[i] = turns[i] + weights[name]
                    total = total + weights[name]
                    at = (at == nil or turns[i] > turns[at]) and i or at
                end
            end
            if at ~= nil then
                turns[at] = turns[at] - total
            end
            return at
        end
        local problem
        for step = 1, STEPS do
            local kind = #fixture.keys(tasks) < 25 and random(5) or random(3, 5)
            if kind <= 2 then
                local o = { pri = random(-2, 2), utube = random(2) == 1 and 'l' .. random(2) or nil }
                local name = names[random(3)]
                local id = queue.put(name, 'x', o)[1]
                tasks[name .. id] = { id = id, name = name, lane = o.utube, rank = o.pri * AGING * 1000 + wall / 1000 }
            elseif kind == 3 then
                for _, task in queue.take_any(weights, 0, { n = random(4) }):pairs() do
                    local at = turn_of()
                    local want = at ~= nil and best(names[at]) or nil
                    if want ~= task[1] .. task[2] then
                        problem = problem or ('took %s%d, expected %s'):format(task[1], task[2], tostring(want))
                        break
                    end
                    tasks[want].is_taken = true
                end
            elseif kind == 4 then
                for key, task in pairs(tasks) do
                    if task.is_taken then
                        if random(2) == 1 then
                            queue.ack(task.name, task.id)
                            tasks[key] = nil
                        else
                            queue.release(task.name, task.id)
                            task.is_taken = nil
                        end
                        break
                    end
                end
            else
                wall = wall + random(40) * 1000000
                if random(10) == 1 then
                    local name = names[random(3)]
                    queue.tube[name].raw:load(wall)
                    for _, task in pairs(tasks) do
                        if task.name == name then task.is_taken = nil end
                    end
                end
            end
            if problem ~= nil then
                test:fail(('step %d: %s; MODEL_SEED=%d'):format(step, problem, seed))
                break
            end
        end
        timer.wall_us = true_wall
        test:is(problem, nil, 'the same after each')
    end },
    { 'kill -9 in full work loses no task and no order', function(test)
        local folder, settings = fixture.folder(), { TUBES = 'one:fifottl,two:fifottl', ADMIN_PASSWORD = 'a' }
        local put = {}
        for round = 1, 3 do
            local server = instance.start(fixture.init, folder, settings)
            local admin = instance.connect(server, 'queue_admin', 'a')
            admin:call('queue.create_tube', { 'aged', 'fifottl', { aging = 1000, if_not_exists = true } })
            for i = 1, 10 do
                put['one' .. admin:call('queue.put', { 'one', i })[1]] = true
                put['aged' .. admin:call('queue.put', { 'aged', i, { pri = 10 - i } })[1]] = true
            end
            local before
            local tubes = { 'one', 'aged', 'two' }
            for _, task in ipairs(fixture.plain(admin:call('queue.take_any', { tubes, 0, { n = 7 } }))) do
                before = task[1]
                admin:call('queue.ack', { task[1], task[2], task[5] })
                put[task[1] .. task[2]] = nil
            end
            test:ok(before, ('round %d'):format(round))
            admin:call('queue.take_any', { { 'one', 'aged' }, 0, { n = 5 } }, { is_async = true })
            instance.crash(server)
        end
        local server = instance.start(fixture.init, folder, settings)
        local admin = instance.connect(server, 'queue_admin', 'a')
        local last, in_order = -math.huge, true
        for _, task in ipairs(fixture.plain(admin:call('queue.take_any', { { 'one', 'aged' }, 0, { n = 100 } }))) do
            put[task[1] .. task[2]] = nil
            if task[1] == 'aged' and task[2] < 10 then
                in_order = in_order and -task[2] > last
                last = -task[2]
            end
        end
        test:is(next(put), nil, 'all are there')
        test:is(in_order, true, 'in order')
        instance.crash(server)
    end },
})
