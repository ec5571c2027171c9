#!/usr/bin/env tarantool
-- Takes that wait: order, hand-over, cancelling, connections that go.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local fiber = require('fiber')
local net_box = require('net.box')
local code_of, eventually = fixture.code_of, fixture.eventually

queue.grant_roles()
box.schema.user.create('worker', { password = 'secret' })
box.schema.user.grant('worker', 'tarantella_consumer')

local function connect()
    return net_box.connect(box.info.listen or box.cfg.listen, { user = 'worker', password = 'secret' })
end

local function waiting(name)
    return queue.tube[name].raw.waiters.n
end

local function tasks(name)
    return queue.statistics(name).tasks
end

-- Starts a take in a fiber of its own; its result comes by the channel.
local function later(...)
    local channel, args = fiber.channel(1), { ... }
    fiber.create(function() channel:put(args[1](unpack(args, 2)) or 'nothing') end)
    return channel
end

fixture.run('waiting', {
    { 'who has waited longest is served first', function(test)
        local tube = queue.create_tube('line', 'fifo')
        local first, second = later(tube.take, tube, 10), later(tube.take, tube, 10)
        eventually('both wait', function() return waiting('line') == 2 end)
        tube:put('a')
        tube:put('b')
        test:is(first:get(10)[3], 'a', 'first')
        test:is(second:get(10)[3], 'b', 'second')
        test:is(waiting('line'), 0, 'nobody waits')
    end },
    { 'a take of many has all that became ready at once', function(test)
        queue.create_tube('many', 'fifo')
        local got = later(queue.take_many, 'many', 10, 10)
        eventually('it waits', function() return waiting('many') == 1 end)
        queue.put_many('many', { { 1 }, { 2 }, { 3 } })
        test:is(#got:get(10), 3, 'three')
    end },
    { 'a take that times out answers nothing and leaves no trace', function(test)
        local tube = queue.create_tube('timeout', 'fifo')
        test:is(tube:take(0.01), nil, 'nothing')
        test:is(#queue.take_many('timeout', 5, 0.01), 0, 'an empty list')
        test:is(waiting('timeout'), 0, 'nobody waits')
    end },
    { 'a waiting take is cancelled by its key, by its own connection only', function(test)
        queue.create_tube('cancel', 'fifo')
        local one, other = connect(), connect()
        local future = one:call('queue.take_many', { 'cancel', 5, 10, { key = 'k' } }, { is_async = true })
        eventually('it waits', function() return waiting('cancel') == 1 end)
        test:is(other:call('queue.cancel_take', { 'cancel', 'k' }), false, 'not by another')
        local ok, cause = pcall(one.call, one, 'queue.take_many', { 'cancel', 5, 0, { key = 'k' } })
        test:is(ok and 'no error' or cause.type, 'INVALID_ARGUMENT', 'a key is used once at a time')
        test:is(one:call('queue.cancel_take', { 'cancel', 'k' }), true, 'by its own')
        test:is_deeply(fixture.plain(future:wait_result(10)[1]), {}, 'it answers an empty list')
        test:is(one:call('queue.cancel_take', { 'cancel', 'k' }), false, 'once')
        queue.put('cancel', 'x')
        test:is(tasks('cancel').ready, 1, 'a task that comes now is ready')
        one:close()
        other:close()
    end },
    { 'a waiting connection that goes is given nothing', function(test)
        local tube = queue.create_tube('gone', 'fifo')
        local connection = connect()
        connection:call('queue.take', { 'gone', 1000 }, { is_async = true })
        eventually('it waits', function() return waiting('gone') == 1 end)
        connection:close()
        eventually('it does not wait', function() return waiting('gone') == 0 end)
        tube:put('x')
        test:is(tasks('gone').ready, 1, 'ready')
    end },
    { 'the tasks of a connection that goes are ready at once, and go to who waits', function(test)
        local tube = queue.create_tube('left', 'fifo')
        local connection = connect()
        for i = 1, 3 do
            tube:put(i)
        end
        local mine = tube:take(0)
        connection:call('queue.take_many', { 'left', 2, 0 })
        local got = later(tube.take, tube, 10)
        eventually('somebody waits', function() return waiting('left') == 1 end)
        connection:close()
        test:is(got:get(10)[3], 2, 'the first of them')
        test:is(tasks('left').ready, 1, 'the second is ready')
        test:is(tube:ack(mine[1])[2], '-', 'who stayed keeps its own')
    end },
    { 'many connections that take and drop leave no task taken', function(test)
        local tube = queue.create_tube('storm', 'fifo')
        for round = 1, 5 do
            local connections = {}
            for i = 1, 20 do
                tube:put(i)
                connections[i] = connect()
                connections[i]:call('queue.take', { 'storm', 10 }, { is_async = true })
            end
            for _, connection in ipairs(connections) do
                connection:close()
            end
            eventually('all are ready again', function()
                return tasks('storm').taken == 0 and waiting('storm') == 0
            end)
            test:is(tasks('storm').ready, 20 * round, ('round %d'):format(round))
        end
    end },
    { 'a lease opens to nobody but its session, with or without its token', function(test)
        local tube = queue.create_tube('foreign', 'fifo')
        tube:put('x')
        local task = tube:take(0, { token = true })
        local other = connect()
        for _, args in ipairs({ { 'foreign', 1 }, { 'foreign', 1, task[4] } }) do
            local ok, cause = pcall(other.call, other, 'queue.ack', args)
            test:is(ok and 'no error' or cause.type, 'TASK_NOT_TAKEN', 'refused')
        end
        test:is(tube:ack(0)[2], '-', 'its owner')
        other:close()
    end },
    { 'a tube with waiting takes is not dropped, and truncate does not end them', function(test)
        local tube = queue.create_tube('used', 'fifo')
        local got = later(tube.take, tube, 10)
        eventually('it waits', function() return waiting('used') == 1 end)
        test:is(code_of(tube.drop, tube), 'TUBE_IN_USE', 'in use')
        tube:truncate()
        tube:put('x')
        test:is(got:get(10)[3], 'x', 'served')
    end },
    { 'a waiting take whose fiber is cancelled leaves the line', function(test)
        local tube = queue.create_tube('killed', 'fifo')
        local waiter = fiber.create(tube.take, tube, 1000)
        eventually('it waits', function() return waiting('killed') == 1 end)
        waiter:cancel()
        eventually('it is gone', function() return waiting('killed') == 0 end)
        tube:put('x')
        test:is(tasks('killed').ready, 1, 'ready')
    end },
    { 'a connection that identifies itself shares the tasks of another', function(test)
        queue.create_tube('shared', 'fifo')
        queue.put('shared', 1)
        queue.put('shared', 2)
        local one, other = connect(), connect()
        local uuid = one:call('queue.identify')
        test:is(#uuid, 16, 'sixteen bytes')
        one:call('queue.take_many', { 'shared', 2, 0 })
        test:is(other:call('queue.identify', { uuid }), uuid, 'joined')
        one:close()
        test:is(other:call('queue.ack', { 'shared', 1 })[2], '-', 'acked by the other')
        other:close()
        eventually('the last is gone', function() return tasks('shared').ready == 1 end)
        local ok, cause = pcall(queue.identify, ('x'):rep(16))
        test:ok(not ok and tostring(cause):find('is unknown', 1, true), 'an unknown uuid')
    end },
    { 'the tasks of a fiber that ended are ready again', function(test)
        local tube = queue.create_tube('fibers', 'fifottl')
        tube:put('x')
        local done = later(tube.take, tube, 0)
        test:is(done:get(10)[3], 'x', 'taken by a fiber')
        -- Many such fibers make the timer look after them, every second at most.
        for _ = 1, 1001 do
            fiber.create(function() queue.take_many('fibers', 1, 0) end)
        end
        tube:put('y', { delay = 1 })
        eventually('both are ready', function() return tasks('fibers').ready == 2 end)
        test:is(tasks('fibers').taken, 0, 'none is taken')
    end },
    { 'a session ttr keeps the tasks of a connection for who identifies itself in time', function(test)
        queue.create_tube('kept', 'fifo')
        queue.put('kept', 1)
        queue.put('kept', 2)
        queue.cfg({ ttr = 0.3 })
        local one = connect()
        local uuid = one:call('queue.identify')
        one:call('queue.take_many', { 'kept', 2, 0 })
        one:close()
        local other = connect()
        other:call('queue.identify', { uuid })
        test:is(tasks('kept').taken, 2, 'still taken')
        test:is(other:call('queue.ack', { 'kept', 1 })[2], '-', 'acked')
        other:close()
        eventually('the time is over', function() return tasks('kept').ready == 1 end)
        queue.cfg({ ttr = 0 })
    end },
})
