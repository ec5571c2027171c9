#!/usr/bin/env tarantool
-- Tubes with a capacity: puts that wait in line, that are refused, that drop the oldest.
-- MODEL_SEED repeats the walk, MODEL_STEPS makes it longer.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local queue = fixture.queue()
local fiber = require('fiber')
local instance = require('instance')
local net_box = require('net.box')
local scan = require('tarantella.scan')
local schedule = require('tarantella.schedule.schedule')
local code_of, eventually = fixture.code_of, fixture.eventually

queue.grant_roles()
box.schema.user.grant('guest', 'tarantella_admin')

local seed = tonumber(os.getenv('MODEL_SEED')) or os.time()
local STEPS = tonumber(os.getenv('MODEL_STEPS')) or 3000
math.randomseed(seed)
local random = math.random

-- Calls in a fiber of its own; the result comes by the channel.
local function later(...)
    local channel, args = fiber.channel(1), { ... }
    fiber.create(function()
        local ok, result = pcall(unpack(args))
        channel:put(ok and (result or 'nothing') or type(result) == 'cdata' and result.type or tostring(result))
    end)
    return channel
end

local function waiting(tube)
    return tube.raw.room.n
end

local function turn(read_only)
    box.cfg({ read_only = read_only })
    eventually('the role has changed', function() return queue.state() == (read_only and 'WAITING' or 'RUNNING') end)
end

local function connect()
    local listen = box.info.listen or box.cfg.listen
    return net_box.connect(type(listen) == 'table' and listen[1] or listen)
end

local function ids(tube)
    local list = {}
    for _, row in tube.raw.space:pairs() do
        table.insert(list, row[1])
    end
    return list
end

fixture.run('capacity', {
    { 'a full tube refuses puts, and takes them when there is room', function(test)
        local tube = queue.create_tube('full', 'fifo', { capacity = 2 })
        tube:put('a')
        tube:put('b')
        test:is(code_of(tube.put, tube, 'c'), 'QUEUE_FULL', 'refused')
        local results = queue.put_many('full', { { 1 }, { 2 } })
        test:is(results[1].code, 'QUEUE_FULL', 'in a batch')
        tube:take(0)
        test:is(code_of(tube.put, tube, 'c'), 'QUEUE_FULL', 'a taken task counts')
        tube:ack(0)
        results = queue.put_many('full', { { 1 }, { 2 } })
        test:is(results[1][2] .. results[2].code, 'rQUEUE_FULL', 'a batch takes what room there is')
        test:is_deeply(queue.statistics('full').capacity,
            { capacity = 2, on_full = 'reject', waiting = 0, dropped = 0 }, 'statistics')
    end },
    { 'limfifottl answers nil, as ever', function(test)
        local tube = queue.create_tube('lim', 'limfifottl', { capacity = 1, on_full = 'wait' })
        tube:put('a')
        test:is(tube:put('b'), nil, 'at once without a timeout')
        test:is(tube:put('b', { timeout = 0.01 }), nil, 'and after one')
        local put = later(tube.put, tube, 'c', { timeout = 10 })
        eventually('it waits', function() return waiting(tube) == 1 end)
        tube:delete(0)
        test:is(put:get(10)[3], 'c', 'room')
    end },
    { 'puts wait for room in line, without looking again and again', function(test)
        local tube = queue.create_tube('wait', 'fifo', { capacity = 2, on_full = 'wait' })
        tube:put('a')
        tube:put('b')
        local puts, looks = {}, 0
        for i = 1, 5 do
            puts[i] = later(tube.put, tube, i)
        end
        eventually('all wait', function() return waiting(tube) == 5 end)
        local free = tube.raw.free
        tube.raw.free = function(self)
            looks = looks + 1
            return free(self)
        end
        fiber.sleep(0.02)
        test:is(looks, 0, 'nobody looks while nothing happens')
        tube.raw.free = nil
        local late = later(tube.put, tube, 'late', { timeout = 10 })
        for i = 1, 5 do
            tube:ack(tube:take(0)[1])
            test:is(puts[i]:get(10)[3], i, 'the first in line')
        end
        tube:ack(tube:take(0)[1])
        test:is(late:get(10)[3], 'late', 'who came last')
        test:is(tube.raw.room.promised, 0, 'nothing is promised')
    end },
    { 'a put that passes the line does not take its room', function(test)
        local tube = queue.create_tube('pass', 'fifo', { capacity = 1, on_full = 'wait' })
        tube:put('a')
        local first = later(tube.put, tube, 'first')
        eventually('it waits', function() return waiting(tube) == 1 end)
        local id = tube:take(0)[1]
        -- In one turn: room, and another put before the woken one runs.
        tube:ack(id)
        test:is(code_of(tube.put, tube, 'thief', { timeout = 0 }) or 'put', 'QUEUE_FULL', 'refused')
        test:is(first:get(10)[3], 'first', 'who waited has it')
    end },
    { 'waits end by timeout, cancel, lost connection, drop of the role', function(test)
        local tube = queue.create_tube('ends', 'fifo', { capacity = 1, on_full = 'wait' })
        tube:put('a')
        test:is(code_of(tube.put, tube, 'b', { timeout = 0.01 }), 'QUEUE_FULL', 'timeout')
        local connection = connect()
        connection:call('queue.put', { 'ends', 'lost' }, { is_async = true })
        eventually('it waits', function() return waiting(tube) == 1 end)
        connection:close()
        eventually('it does not wait', function() return waiting(tube) == 0 end)
        local canceled = fiber.create(function() tube:put('canceled') end)
        canceled:set_joinable(true)
        eventually('it waits', function() return waiting(tube) == 1 end)
        canceled:cancel()
        test:is(canceled:join(), false, 'its fiber ends')
        test:is(waiting(tube), 0, 'and stands in no line')
        local stays = later(tube.put, tube, 'demoted')
        eventually('it waits', function() return waiting(tube) == 1 end)
        turn(true)
        test:is(stays:get(10), 'nothing', 'as other calls on a replica')
        turn(false)
        test:is_deeply(ids(tube), { 0 }, 'none of them was put')
        test:is(code_of(tube.put, tube, 'b', { timeout = 0 }), 'QUEUE_FULL', 'the next master keeps the capacity')
    end },
    { 'room that a put does not use is for the next one', function(test)
        local tube = queue.create_tube('unused', 'fifo', { capacity = 1, on_full = 'wait' })
        tube:put('a')
        local bad = later(tube.put, tube, ('x'):rep(2 * 1024 * 1024))
        local good = later(tube.put, tube, 'good')
        eventually('both wait', function() return waiting(tube) == 2 end)
        tube:delete(0)
        test:is(bad:get(10), 'TASK_TOO_LARGE', 'the first fails')
        test:is(good:get(10)[3], 'good', 'the second has its room')
        test:is(tube.raw.arriving, 0, 'nothing arrives')
    end },
    { 'the oldest ready task makes room', function(test)
        local seen = {}
        local tube = queue.create_tube('drop', 'utubettl', { capacity = 3, on_full = 'drop_oldest' })
        tube:on_task_change(function(task, event) table.insert(seen, event .. task[1]) end)
        tube:put('a', { pri = 9 })
        tube:put('b', { pri = 1, utube = 'l' })
        tube:put('c', { pri = 5 })
        test:is(tube:take(0)[1], 1, 'one is taken')
        test:is(tube:put('d')[1], 3, 'put')
        test:is_deeply(ids(tube), { 1, 2, 3 }, 'the oldest is gone, whatever its priority')
        queue.put_many('drop', { { 'e' }, { 'f' } })
        test:is_deeply(ids(tube), { 1, 4, 5 }, 'a batch; the taken one stands')
        fiber.sleep(0)
        test:like(table.concat(seen, ' '), 'drop0', 'told')
        test:is(queue.statistics('drop').capacity.dropped, 3, 'counted')
        test:is(queue.statistics('drop').tasks.done, 3, 'as done too')
        tube:bury(4)
        tube:bury(5)
        test:is(code_of(tube.put, tube, 'g'), 'QUEUE_FULL', 'nothing is ready')
        local results = queue.put_many('drop', { { 'g' } })
        test:is(results[1].code, 'QUEUE_FULL', 'in a batch')
        test:is(tube.raw.leaving + tube.raw.arriving, 0, 'nothing is under way')
    end },
    { 'a put that fails drops nothing, nor one that is rolled back', function(test)
        local tube = queue.create_tube('safe', 'fifo', { capacity = 2, on_full = 'drop_oldest' })
        queue.put_many('safe', { { 'a' }, { 'b' } })
        test:is(code_of(tube.put, tube, ('x'):rep(2 * 1024 * 1024)), 'TASK_TOO_LARGE', 'too large')
        test:is_deeply(ids(tube), { 0, 1 }, 'both stand')
        box.begin()
        tube:put('c')
        tube:put('d')
        box.rollback()
        test:is_deeply(ids(tube), { 0, 1 }, 'both stand')
        box.begin()
        tube:put('c')
        box.commit()
        test:is(#ids(tube), 2, 'committed')
        test:is(ids(tube)[1], 1, 'the oldest went')
        test:is(tube.raw.leaving + tube.raw.arriving + tube.raw.sched.busy, 0, 'nothing is under way')
        test:is(tube.raw.sched:total(), 2, 'the schedule knows')
    end },
    { 'wrong options are refused', function(test)
        local function make(opts)
            return select(2, code_of(queue.create_tube, 'bad', 'fifo', opts))
        end
        test:like(make({ capacity = 1, on_full = 'explode' }), "'wait', 'reject' or 'drop_oldest'", 'on_full')
        test:like(make({ on_full = 'wait' }), 'Expected a `capacity`', 'on_full alone')
        test:like(make({ capacity = 1, engine = 'vinyl' }), 'vinyl', 'vinyl')
        test:like(make({ capacity = -1 }), 'integer from 0', 'capacity')
        local tube = queue.create_tube('plain', 'fifo')
        test:is(code_of(queue.put, 'plain', 1, { timeout = 1 }), 'INVALID_ARGUMENT', 'timeout')
        test:is(tube:put(1, { timeout = 1 })[2], 'r', 'the contract leaves it out')
        test:is(code_of(queue.put, 'wait', 1, { timeout = -1 }), 'INVALID_ARGUMENT', 'a negative one')
    end },
    { 'kill -9 leaves neither more tasks than fit nor fewer', function(test)
        local folder = fixture.folder()
        local settings = { TUBES = 'unused:fifo', ADMIN_PASSWORD = 'a' }
        for round = 1, 3 do
            local server = instance.start(fixture.init, folder, settings)
            local admin = instance.connect(server, 'queue_admin', 'a')
            admin:call('queue.create_tube', {
                'crash', 'fifo', { capacity = 50, on_full = 'drop_oldest', if_not_exists = true } })
            local last
            if round > 1 then
                test:is(admin:call('queue.statistics', { 'crash' }).tasks.total, 50, 'full and no fuller')
            end
            for _ = 1, 20 do
                admin:call('queue.put_many', { 'crash', { { 1 }, { 2 }, { 3 } } })
                last = admin:call('queue.put', { 'crash', 4 })[1]
                -- In full work.
                admin:call('queue.put', { 'crash', 5 }, { is_async = true })
            end
            test:ok(last >= 50, 'it was full')
            instance.crash(server)
        end
    end },
    { ('a walk of %d steps does what a plain model does, seed %d'):format(STEPS, seed), function(test)
        local CAPACITY = 8
        local tube = queue.create_tube('walk', 'utubettl', { capacity = CAPACITY, on_full = 'drop_oldest' })
        local tasks, last = {}, -1
        local function oldest()
            for id = 0, last do
                if tasks[id] == 'r' then
                    return id
                end
            end
        end
        local function count()
            local n = 0
            for _ in pairs(tasks) do
                n = n + 1
            end
            return n
        end
        local function put_one()
            if count() >= CAPACITY then
                local id = oldest()
                if id == nil then
                    return false
                end
                tasks[id] = nil
            end
            return true
        end
        local function some()
            return random(math.max(0, last - 2 * CAPACITY), math.max(0, last))
        end
        local function options()
            return { pri = random(3), utube = random(2) == 1 and 'l' .. random(2) or nil,
                delay = random(5) == 1 and 1000 or nil }
        end
        local steps = {
            function()
                local o = options()
                local fits = put_one()
                local ok, task = pcall(tube.put, tube, 'x', o)
                if ok ~= fits then return 'a put' end
                if ok then
                    last = task[1]
                    tasks[last] = o.delay and '~' or 'r'
                end
            end,
            function()
                -- A batch drops what was ready before it, and never its own.
                local items, before = {}, table.copy(tasks)
                for i = 1, random(3) do items[i] = { 'x', options() } end
                local results = queue.put_many('walk', items)
                local mine = {}
                for i, item in ipairs(items) do
                    local id = results[i][1]
                    local fits = put_one()
                    if fits ~= (id ~= nil) then return 'an item', before end
                    if id ~= nil then
                        last = id
                        tasks[id], mine[id] = '~', item[2].delay and '~' or 'r'
                    end
                end
                for id, letter in pairs(mine) do tasks[id] = letter end
            end,
            function()
                box.begin()
                local ok, task = pcall(tube.put, tube, 'x')
                if random(2) == 1 then
                    box.rollback()
                else
                    box.commit()
                    local fits = put_one()
                    if ok ~= fits then return 'a joined put' end
                    if ok then
                        last = task[1]
                        tasks[last] = 'r'
                    end
                end
            end,
            function()
                local task = tube:take(0)
                if task ~= nil then tasks[task[1]] = 't' end
            end,
            function()
                local id = some()
                if pcall(tube.ack, tube, id) then tasks[id] = nil end
            end,
            function()
                local id = some()
                if pcall(tube.release, tube, id) then tasks[id] = 'r' end
            end,
            function()
                local id = some()
                if pcall(tube.bury, tube, id) then tasks[id] = '!' end
            end,
            function()
                for _ = 1, tube:kick(1) do
                    for _, row in tube.raw.space:pairs() do
                        if tasks[row[1]] == '!' and tube:peek(row[1])[2] == 'r' then tasks[row[1]] = 'r' end
                    end
                end
            end,
        }
        local function differs(sched, letter_of)
            for id, letter in pairs(tasks) do
                local n = sched:find(id)
                if n == 0 or sched:letter(n) ~= letter_of(letter) then return id end
            end
            return sched:total() ~= count() and 'too many' or nil
        end
        for step = 1, STEPS do
            local kind = random(#steps)
            local problem = steps[kind]()
            local raw = tube.raw
            problem = problem or differs(raw.sched, function(letter) return letter end)
            local top = raw.sched.ready:oldest()
            if problem == nil and (top ~= 0 and raw.sched:id(top) or nil) ~= oldest() then problem = 'oldest' end
            if problem == nil and step % 10 == 0 then
                local rebuilt = schedule.new()
                scan.load(raw.store, rebuilt, require('tarantella.timer').wall_us())
                problem = differs(rebuilt, function(letter) return letter == 't' and 'r' or letter end)
            end
            if problem == nil and raw.leaving + raw.arriving + raw.sched.busy ~= 0 then problem = 'under way' end
            if problem ~= nil then
                test:fail(('step %d, kind %d: %s; MODEL_SEED=%d'):format(step, kind, tostring(problem), seed))
                return
            end
        end
        test:ok(true, 'the same after each')
    end },
})
