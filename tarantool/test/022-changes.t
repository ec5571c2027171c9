#!/usr/bin/env tarantool
-- on_task_change: told of every change, after its commit, by a function that may fail.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local fiber = require('fiber')
local eventually = fixture.eventually

-- A function that notes 'id state event', and the list of it.
local function recorder()
    local list = {}
    return function(task, event)
        table.insert(list, ('%s %s %s'):format(task[1], task[2], event))
    end, list
end

fixture.run('changes', {
    { 'the function has seen each change when the call returns', function(test)
        local fn, seen = recorder()
        local tube = queue.create_tube('calls', 'fifottl', { on_task_change = fn })
        tube:put('a')
        tube:take(0)
        tube:touch(0, 5)
        tube:release(0)
        tube:bury(0)
        tube:kick(1)
        tube:take(0)
        tube:ack(0)
        tube:put('b', { delay = 100 })
        tube:delete(1)
        test:is_deeply(seen, {
            '0 r put', '0 t take', '0 t touch', '0 r release', '0 ! bury', '0 r kick', '0 t take', '0 - delete',
            '1 ~ put', '1 - delete',
        }, 'in tarantool/queue\'s words')
    end },
    { 'items of a batch are told one by one', function(test)
        local fn, seen = recorder()
        local tube = queue.create_tube('batches', 'fifo')
        test:is(tube:on_task_change(fn), nil, 'there was none')
        queue.put_many('batches', { { 'a' }, { 'b' } })
        queue.take_many('batches', 2, 0)
        queue.ack_many('batches', { 0, 99, 1 })
        test:is_deeply(seen, { '0 r put', '1 r put', '0 t take', '1 t take', '0 - delete', '1 - delete' }, 'each')
        test:is(tube:on_task_change(), fn, 'the previous one is given')
        tube:put('c')
        test:is(#seen, 6, 'and called no more')
    end },
    { 'what happens by itself is told too', function(test)
        local fn, seen = recorder()
        local tube = queue.create_tube('timed', 'fifottl', { on_task_change = fn })
        tube:put('a', { ttr = 0.01 })
        tube:take(0)
        eventually('the lease has run out', function() return seen[3] ~= nil end)
        tube:delete(0)
        tube:put('b', { delay = 0.01 })
        eventually('the delay is over', function() return seen[6] ~= nil end)
        tube:delete(1)
        tube:put('c', { ttl = 0.01 })
        eventually('the life is over', function() return seen[9] ~= nil end)
        test:is_deeply({ seen[3], seen[6], seen[9] }, { '0 r ttr', '1 r delay', '2 - ttl' }, 'ttr, delay, ttl')
    end },
    { 'a transaction is told of at its commit, and not when it is rolled back', function(test)
        local fn, seen = recorder()
        local tube = queue.create_tube('joined', 'fifo', { on_task_change = fn })
        box.begin()
        tube:put('a')
        box.rollback()
        box.begin()
        tube:put('b')
        test:is(#seen, 0, 'not before the commit')
        box.commit()
        eventually('it is told', function() return #seen == 1 end)
        test:is(seen[1], '1 r put', 'the second put')
    end },
    { 'one that raises or never ends holds nothing up', function(test)
        local tube = queue.create_tube('faulty', 'fifottl', { on_task_change = function() error('no') end })
        tube:put('a', { ttr = 0.01 })
        test:is(tube:take(0)[3], 'a', 'take')
        test:is(tube:take(10)[3], 'a', 'the timer goes on')
        local started = 0
        tube:on_task_change(function()
            started = started + 1
            fiber.sleep(1000)
        end)
        for i = 1, 11000 do
            tube:put(i)
        end
        test:is(started, 1, 'it is still in the first call')
        local events = tube.raw.events
        test:ok(events.last - events.first <= 10000, 'what waits for it is bounded')
        test:is(queue.statistics('faulty').tasks.total, 11001, 'all are there')
    end },
    { 'a function is asked for', function(test)
        local tube = queue.create_tube('wrong', 'fifo')
        test:is(fixture.code_of(tube.on_task_change, tube, 5), 'INVALID_ARGUMENT', 'on_task_change')
        test:is(fixture.code_of(queue.create_tube, 'x', 'fifo', { on_task_change = 'f' }), 'INVALID_ARGUMENT', 'create')
    end },
})
