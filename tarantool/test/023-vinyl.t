#!/usr/bin/env tarantool
-- Tubes whose rows are on disk: the same behaviour, though every read yields.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local fiber = require('fiber')
local code_of, eventually = fixture.code_of, fixture.eventually

local function tasks(name)
    return queue.statistics(name).tasks
end

fixture.run('vinyl', {
    { 'a task goes all the ways', function(test)
        local tube = queue.create_tube('ways', 'utubettl', { engine = 'vinyl' })
        test:is(box.space.ways.engine, 'vinyl', 'on disk')
        tube:put('a', { utube = 'l', pri = 2, ttl = 1000 })
        tube:put('b', { utube = 'l', pri = 1 })
        tube:put('c', { delay = 0.02 })
        local task = tube:take(0, { token = true })
        test:is(task[3], 'b', 'the best priority')
        test:is(tube:take(0), nil, 'the lane is busy')
        test:is(tube:take(10)[3], 'c', 'the delayed one')
        test:is(tube:release(task[1], { token = task[4] })[2], 'r', 'release')
        task = tube:take(0)
        test:is(tube:touch(task[1], 5)[2], 't', 'touch')
        test:is(tube:bury(task[1])[2], '!', 'bury')
        test:is(tube:take(0)[3], 'a', 'the next of the lane')
        test:is(tube:kick(5), 1, 'kick')
        test:is(tube:ack(0)[3], 'a', 'the ack gives the payload')
        test:is(tube:delete(1)[3], 'b', 'so does the deletion')
        test:is(code_of(tube.peek, tube, 1), 'TASK_NOT_FOUND', 'gone')
        tube:ack(2)
        test:is(box.space.ways:count(), 0, 'no row left')
    end },
    { 'leases and lives end by time, and nothing is lost at a change of role', function(test)
        local tube = queue.create_tube('times', 'fifottl', { engine = 'vinyl' })
        tube:put('a', { pri = 3, ttr = 0.02, ttl = 1000 })
        local first = tube:take(0, { token = true })
        local again = tube:take(10, { token = true })
        test:is(again[1], first[1], 'given again')
        test:is(code_of(tube.ack, tube, 0, first[4]), 'TASK_NOT_TAKEN', 'the old delivery')
        tube:put('b', { ttl = 0.02, pri = 9 })
        eventually('b is gone', function() return tasks('times').total == 1 end)
        queue.put_many('times', { { 1 }, { 2 }, { 3 } })
        box.cfg({ read_only = true })
        eventually('it waits', function() return queue.state() == 'WAITING' end)
        box.cfg({ read_only = false })
        eventually('it runs', function() return queue.state() == 'RUNNING' end)
        test:is(tasks('times').ready, 4, 'all are there')
    end },
    { 'workers at once get every task once', function(test)
        local tube = queue.create_tube('crowd', 'fifottl', { engine = 'vinyl' })
        local batch = {}
        for i = 1, 300 do
            batch[i] = { i }
        end
        queue.put_many('crowd', batch)
        -- From memory to disk, so that the reads do yield.
        box.snapshot()
        local times, done = {}, fiber.channel(8)
        for worker = 1, 8 do
            fiber.create(function()
                while true do
                    local list = queue.take_many('crowd', worker, 0)
                    if #list == 0 then
                        break
                    end
                    for _, task in list:pairs() do
                        times[task[3]] = (times[task[3]] or 0) + 1
                        if worker % 2 == 0 then
                            tube:ack(task[1], task[4])
                        else
                            queue.ack_many('crowd', { { task[1], task[4] } })
                        end
                    end
                end
                done:put(true)
            end)
        end
        for _ = 1, 8 do
            done:get(10)
        end
        local twice = 0
        for _, n in pairs(times) do
            twice = twice + (n > 1 and 1 or 0)
        end
        test:is(#times, 300, 'each')
        test:is(twice, 0, 'none twice')
        test:is(tasks('crowd').total, 0, 'all acked')
        test:is(tube.raw.sched.busy, 0, 'no record is left busy')
    end },
    { 'what vinyl cannot do is refused', function(test)
        test:is(select(2, code_of(queue.create_tube, 'x', 'limfifottl', { engine = 'vinyl' })),
            'limfifottl queue does not support vinyl engine', 'limfifottl')
        local buffered = { engine = 'vinyl', storage_mode = 'ready_buffer' }
        test:is(select(2, code_of(queue.create_tube, 'x', 'utube', buffered)),
            '"ready_buffer" storage mode cannot be used with vinyl engine', 'ready_buffer')
        test:is(code_of(queue.create_tube, 'x', 'fifo', { engine = 'vinyl', temporary = true }),
            'INVALID_ARGUMENT', 'temporary')
        queue.cfg({ in_replicaset = true })
        test:is(select(2, code_of(queue.create_tube, 'x', 'fifo', { engine = 'vinyl', temporary = true })),
            'Cannot create temporary tube in replicaset mode', 'temporary, where leases are written')
        queue.cfg({})
    end },
})
