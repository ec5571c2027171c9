#!/usr/bin/env tarantool
-- An instance that turns read-only and back: waits end, calls say so, the rows count.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local fiber = require('fiber')
local code_of, eventually = fixture.code_of, fixture.eventually

local function turn(read_only)
    box.cfg({ read_only = read_only })
    local state = read_only and 'WAITING' or 'RUNNING'
    eventually('the state is ' .. state, function() return queue.state() == state end)
end

fixture.run('role', {
    { 'a queue on a read-only instance answers nil, or an error to the generic functions', function(test)
        local tube = queue.create_tube('calls', 'fifo')
        turn(true)
        test:is(tube:put('x'), nil, 'put')
        test:is(code_of(queue.put, 'calls', 'x'), 'QUEUE_NOT_RUNNING', 'the generic put')
        test:is(code_of(queue.take_many, 'calls', 1, 0), 'QUEUE_NOT_RUNNING', 'a batch')
        test:is(queue.health().ready, false, 'not ready')
        turn(false)
        test:is(tube:put('x')[2], 'r', 'put again, by the object from before')
    end },
    { 'a waiting take ends when the instance turns read-only', function(test)
        local tube = queue.create_tube('waits', 'fifo')
        local done = fiber.channel(1)
        fiber.create(function() done:put(tube:take(1000) or 'nothing') end)
        eventually('it waits', function() return tube.raw.waiters.n == 1 end)
        turn(true)
        test:is(done:get(10), 'nothing', 'nothing')
        turn(false)
    end },
    { 'the schedule is built anew from the rows', function(test)
        local tube = queue.create_tube('rows', 'utubettl')
        tube:put(1, { utube = 'a', pri = 2 })
        tube:put(2, { utube = 'a', pri = 1 })
        tube:put(3, { delay = 1000 })
        tube:put(4, { ttl = 1000 })
        tube:bury(3)
        local task = tube:take(0, { token = true })
        test:is(task[1], 1, 'taken')
        turn(true)
        turn(false)
        test:is_deeply(queue.statistics('rows').tasks,
            { total = 4, ready = 2, delayed = 1, buried = 1, taken = 0, done = 0 }, 'by state')
        test:is(tube:ack(1, task[4])[2], '-', 'the old delivery can still ack')
        test:is(tube:take(0)[1], 0, 'in order')
        test:is(tube:take(0), nil, 'the lane is busy')
    end },
    { 'nothing of the timer is left running twice', function(test)
        turn(true)
        turn(false)
        local timers = 0
        for _, info in pairs(fiber.info()) do
            timers = timers + (info.name == 'tarantella_timer' and 1 or 0)
        end
        test:is(timers, 1, 'one fiber')
        local tube = queue.create_tube('timed', 'fifottl')
        tube:put('x', { delay = 0.02 })
        test:is(tube:take(10)[3], 'x', 'and it works')
    end },
    { 'rows that come when the schedule stands already are found', function(test)
        local tube = queue.create_tube('late', 'fifottl')
        for i = 1, 3 do
            box.space.late:insert({ box.NULL, 'r', 0, nil, nil, nil, nil, nil, i })
        end
        tube:put('own', { delay = 0.01 })
        eventually('they are seen', function() return queue.statistics('late').tasks.total == 4 end)
        test:is(#queue.take_many('late', 10, 0), 4, 'and given')
    end },
})
