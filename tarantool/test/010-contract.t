#!/usr/bin/env tarantool
-- Functions, states, number of values and error texts of tarantool/queue.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local fiber = require('fiber')
local code_of = fixture.code_of

local function values(...)
    return select('#', ...)
end

fixture.run('contract', {
    { 'a task goes from ready over taken to done', function(test)
        local tube = queue.create_tube('cycle', 'fifo')
        test:is_deeply(tube:put({ x = 1 }):totable(), { 0, 'r', { x = 1 } }, 'put')
        test:is_deeply(tube:take(0):totable(), { 0, 't', { x = 1 } }, 'take')
        test:is_deeply(tube:peek(0):totable(), { 0, 't', { x = 1 } }, 'peek')
        test:is_deeply(tube:ack(0):totable(), { 0, '-', { x = 1 } }, 'ack')
        test:is(box.space.cycle:len(), 0, 'the row is gone')
    end },
    { 'every payload comes back as it was', function(test)
        local tube = queue.create_tube('payloads', 'fifo')
        for _, data in ipairs({ 'text', 5000000000, -1, 1.5, true, {}, { 1, { 2 } }, ('x'):rep(70000) }) do
            tube:put(data)
            local task = tube:take(0)
            test:is_deeply(task[3], data, type(data))
            tube:ack(task[1])
        end
        tube:put(nil)
        test:is(tube:take(0)[3], nil, 'null')
    end },
    { 'priority comes before age, and age decides within one', function(test)
        local tube = queue.create_tube('order', 'fifottl')
        tube:put('late', { pri = 2 })
        tube:put('first', { pri = 1 })
        tube:put('second', { pri = 1 })
        tube:put('now', { pri = 0 })
        tube:put('sooner', { pri = -300 })
        local order = {}
        for i = 1, 5 do
            order[i] = tube:take(0)[3]
        end
        test:is_deeply(order, { 'sooner', 'now', 'first', 'second', 'late' }, 'order')
    end },
    { 'the number of values is that of the contract', function(test)
        local tube = queue.create_tube('arity', 'fifottl')
        test:is(values(tube:take(0)), 0, 'take from an empty tube')
        test:is(values(queue.take('arity', 0)), 0, 'the generic take too')
        tube:put(1)
        tube:take(0)
        test:is(values(tube:touch(0, 0)), 0, 'touch by nothing')
        test:is(values(tube:touch(0, -1)), 0, 'touch by less than nothing')
        test:is(values(tube:release_all()), 0, 'release_all')
        test:is(values(tube:truncate()), 0, 'truncate')
        test:is(tube:drop(), true, 'drop')
    end },
    { 'bury and kick move a task out of circulation and back', function(test)
        local tube = queue.create_tube('buried', 'fifottl')
        for i = 1, 3 do
            tube:put(i, { pri = -i })
            tube:bury(i - 1)
        end
        test:is(tube:bury(0)[2], '!', 'twice is as once')
        test:is(tube:take(0), nil, 'nobody is given them')
        test:is(tube:kick(2), 2, 'two of them')
        test:is(tube:take(0)[1], 2, 'the best priority first')
        test:is(tube:kick(10), 1, 'as many as there are')
        test:is(tube:kick(10), 0, 'none')
    end },
    { 'errors have the texts of tarantool/queue and stable codes', function(test)
        local tube = queue.create_tube('texts', 'fifo')
        local function is(code, text, call, ...)
            local got_code, got_text = code_of(call, ...)
            test:is(got_code, code, code)
            test:is(got_text, text, text)
        end
        tube:put(1)
        is('TASK_NOT_TAKEN', 'Task was not taken', tube.ack, tube, 0)
        is('TASK_NOT_TAKEN', 'Task was not taken', tube.release, tube, 99)
        is('TASK_NOT_FOUND', 'Task 99 not found', tube.peek, tube, 99)
        is('TASK_NOT_FOUND', 'Task 99 not found', tube.delete, tube, 99)
        is('TASK_NOT_FOUND', 'Task 99 not found', tube.bury, tube, 99)
        is('TUBE_EXISTS', "Space 'texts' already exists", queue.create_tube, 'texts', 'fifo')
        is('TUBE_TYPE_UNKNOWN', 'Unknown tube type lifo', queue.create_tube, 'x', 'lifo')
        is('TUBE_NOT_FOUND', 'Tube not found', queue.put, 'nowhere', 1)
        is('TUBE_NOT_FOUND', 'Tube not found', queue.statistics, 'nowhere')
        is('INVALID_ARGUMENT', 'fifo queue does not support touch', tube.touch, tube, 0, 1)
        tube:take(0)
        is('TUBE_IN_USE', 'There are taken tasks in the tube', tube.drop, tube)
    end },
    { 'statistics count tasks by state and calls by name', function(test)
        local tube = queue.create_tube('stats', 'fifottl')
        for i = 1, 6 do
            tube:put(i)
        end
        tube:put('later', { delay = 100 })
        tube:take(0)
        tube:ack(0)
        tube:take(0)
        tube:bury(2)
        tube:delete(3)
        tube:take(0)
        tube:release(4)
        test:is_deeply(queue.statistics('stats').tasks,
            { taken = 1, buried = 1, ready = 2, done = 2, delayed = 1, total = 5 }, 'tasks')
        test:is_deeply(queue.statistics('stats').calls, {
            ack = 1, bury = 1, delete = 1, kick = 0, put = 7, release = 1, take = 3, touch = 0,
            ttl = 0, ttr = 0, delay = 0,
        }, 'calls')
        test:ok(queue.stats().stats ~= nil, 'all tubes by name')
    end },
    { 'a tube is known by name, can be made twice if asked to, and serializes as a map', function(test)
        local tube = queue.create_tube('known', 'utube')
        test:is(queue.tube('known'), true, 'known')
        test:is(queue.tube('unknown'), false, 'unknown')
        test:is(queue.tube.known, tube, 'its object')
        test:is(queue.create_tube('known', 'utube', { if_not_exists = true }), tube, 'the same')
        test:is(queue.create_tube('known', 'utube', { if_not_exist = true }), tube, 'misspelt as in scripts that stand')
        local map = require('json').decode(require('json').encode(tube))
        test:is_deeply({ map.name, map.type, type(map.id) }, { 'known', 'utube', 'number' }, 'map')
        tube:drop()
        test:is(queue.tube('known'), false, 'dropped')
        test:is(box.space.known, nil, 'its space too')
        test:is(queue.state(), 'RUNNING', 'state')
    end },
    { 'many may ask for the same tube at once', function(test)
        local results = fiber.channel(10)
        for _ = 1, 10 do
            fiber.create(function()
                results:put(select(2, pcall(queue.create_tube, 'at_once', 'fifo', { if_not_exists = true })))
            end)
        end
        for _ = 1, 10 do
            test:is(results:get(10), queue.tube.at_once, 'the tube')
        end
        local drops = fiber.channel(2)
        for _ = 1, 2 do
            fiber.create(function() drops:put((pcall(queue.drop, 'at_once'))) end)
        end
        test:ok(drops:get(10) ~= drops:get(10), 'it is dropped once')
    end },
    { 'truncate empties a tube, and its ids go on', function(test)
        local tube = queue.create_tube('emptied', 'fifottl')
        tube:put(1)
        tube:put(2, { delay = 10 })
        tube:take(0)
        tube:truncate()
        test:is(queue.statistics('emptied').tasks.total, 0, 'no task')
        test:is(code_of(tube.ack, tube, 0), 'TASK_NOT_TAKEN', 'no lease')
        test:is(tube:put(3)[1], 2, 'a new id')
    end },
    { 'a full limfifottl takes no task, and takes one when there is room', function(test)
        local tube = queue.create_tube('full', 'limfifottl', { capacity = 2 })
        tube:put(1)
        tube:put(2)
        test:is(tube:put(3), nil, 'full')
        local refused = queue.put_many('full', { { 4 } })
        test:is(refused[1].code, 'QUEUE_FULL', 'in a batch too')
        local task = tube:take(0)
        fiber.create(function() tube:delete(task[1]) end)
        test:is(tube:put(5, { timeout = 10 })[2], 'r', 'waits for the deletion')
    end },
})
