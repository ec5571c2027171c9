#!/usr/bin/env tarantool
-- delay, at, ttl, ttr, touch. Waiting takes and events tell when something is due.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local clock = require('clock')
local fiber = require('fiber')
local code_of, eventually = fixture.code_of, fixture.eventually

local function tasks(name)
    return queue.statistics(name).tasks
end

fixture.run('times', {
    { 'a delayed task comes when its delay is over, not before', function(test)
        local tube = queue.create_tube('delayed', 'fifottl')
        local started = clock.realtime()
        test:is(tube:put('later', { delay = 0.1 })[2], '~', 'delayed')
        test:is(tube:take(0), nil, 'not yet')
        test:is(tube:take(10)[3], 'later', 'then')
        test:ok(clock.realtime() - started >= 0.1, 'not early')
        test:is(box.space.delayed:get(0).state, '~', 'nothing was written for it')
    end },
    { 'an absolute moment is a delay, and a past one is now', function(test)
        local tube = queue.create_tube('at', 'fifottl')
        local at = clock.realtime() + 0.1
        test:is(tube:put(1, { at = at })[2], '~', 'future')
        test:is(tube:put(2, { at = 5 })[2], 'r', 'past')
        test:is(tube:take(0)[1], 1, 'the past one at once')
        tube:take(10)
        test:ok(clock.realtime() >= at, 'the other not early')
    end },
    { 'a nearer delay overtakes a farther one that the timer sleeps for', function(test)
        local tube = queue.create_tube('nearer', 'fifottl')
        tube:put('far', { delay = 60 })
        fiber.sleep(0)
        tube:put('near', { delay = 0.05 })
        test:is(tube:take(10)[3], 'near', 'near')
    end },
    { 'a lease that runs out makes its task ready for somebody else', function(test)
        local tube = queue.create_tube('lease', 'fifottl')
        tube:put('x', { ttr = 0.05 })
        local first = tube:take(0, { token = true })
        local second = tube:take(10, { token = true })
        test:is(second[1], first[1], 'the same task')
        test:ok(second[4] > first[4], 'a later token')
        test:is(code_of(tube.ack, tube, 0, first[4]), 'TASK_NOT_TAKEN', 'the old delivery cannot ack')
        test:is(tube:ack(0, second[4])[2], '-', 'the new one can')
        test:is(queue.statistics('lease').calls.ttr, 1, 'counted')
    end },
    { 'an ack that comes late is good while nobody else was given the task', function(test)
        local tube = queue.create_tube('late', 'fifottl')
        tube:put('x', { ttr = 0.02 })
        local task = tube:take(0, { token = true })
        eventually('the lease has run out', function() return tasks('late').ready == 1 end)
        test:is(code_of(tube.ack, tube, 0), 'TASK_NOT_TAKEN', 'not without the token')
        test:is(code_of(tube.ack, tube, 0, task[4] + 1), 'TASK_NOT_TAKEN', 'not with another')
        test:is(tube:ack(0, task[4])[2], '-', 'with it')
        test:is(tasks('late').total, 0, 'done')
    end },
    { 'a released or buried task opens to its old token no more', function(test)
        local tube = queue.create_tube('ended', 'fifottl')
        tube:put('x')
        local task = tube:take(0, { token = true })
        tube:release(0)
        test:is(code_of(tube.ack, tube, 0, task[4]), 'TASK_NOT_TAKEN', 'released')
        task = tube:take(0, { token = true })
        tube:bury(0, { token = task[4] })
        tube:kick(1)
        test:is(code_of(tube.ack, tube, 0, task[4]), 'TASK_NOT_TAKEN', 'buried and kicked')
    end },
    { 'touch keeps a lease, and a late touch gets it back', function(test)
        local tube = queue.create_tube('touched', 'fifottl')
        tube:put('x', { ttr = 0.03 })
        local task = tube:take(0, { token = true })
        test:is(tube:touch(0, 100)[2], 't', 'touched')
        tube:put('y', { ttr = 0.03 })
        local other = tube:take(0, { token = true })
        eventually('the untouched lease has run out', function() return tasks('touched').ready == 1 end)
        test:is(tube:peek(0)[2], 't', 'the touched one has not')
        tube:touch(1, 100, { token = other[4] })
        test:is(tube:peek(1)[2], 't', 'taken again')
        test:is(tube:ack(1, other[4])[2], '-', 'by the same token')
        tube:ack(0, task[4])
    end },
    { 'a life ends ready and buried tasks, and their rows', function(test)
        local tube = queue.create_tube('mortal', 'fifottl')
        -- Buried long before its life is over, however busy the machine is.
        tube:put('x', { ttl = 0.5 })
        tube:bury(0)
        for _ = 2, 700 do
            tube:put('x', { ttl = 0.05 })
        end
        tube:put('y')
        eventually('only one is left', function() return tasks('mortal').total == 1 end)
        test:is(box.space.mortal:len(), 1, 'one row')
        test:is(queue.statistics('mortal').calls.ttl, 700, 'counted')
        test:is(tube:take(0)[3], 'y', 'the immortal one')
    end },
    { 'a task whose life is over is given to nobody, even before it is deleted', function(test)
        local tube = queue.create_tube('over', 'fifottl')
        tube:put('old', { ttl = 0.01 })
        tube:put('new')
        local ends = clock.monotonic() + 0.02
        -- Without a yield the timer cannot run.
        while clock.monotonic() < ends do end -- luacheck: ignore
        test:is(tube:take(0)[3], 'new', 'the other')
    end },
    { 'a release with a delay lengthens the life by it', function(test)
        local tube = queue.create_tube('lengthened', 'fifottl')
        tube:put('x', { ttl = 1000 })
        local before = box.space.lengthened:get(0).dead
        tube:take(0)
        test:is(tube:release(0, { delay = 50 })[2], '~', 'delayed')
        test:is(tonumber(box.space.lengthened:get(0).dead - before), 50 * 1000000, 'by 50 seconds')
        test:is(tasks('lengthened').delayed, 1, 'delayed')
    end },
    { 'a batch and a release take a moment too', function(test)
        local tube = queue.create_tube('moments', 'fifottl')
        local at = clock.realtime() + 1000
        local results = queue.put_many('moments', { { 'a', { at = at } }, { 'b', { at = 5 } }, { 'c', { at = 'x' } } })
        test:is(results[1][2] .. results[2][2], '~r', 'future and past')
        test:is(results[3].code, 'INVALID_ARGUMENT', 'none')
        tube:take(0)
        test:is(tube:release(1, { at = at })[2], '~', 'released to a moment')
        local due = tonumber(box.space.moments:get(1).due) / 1000000
        test:ok(math.abs(due - at) < 0.001, 'that one')
        tube:delete(0)
        local id = tube:put('d')[1]
        tube:take(0)
        test:is(tube:release(id, { at = 5 })[2], 'r', 'a past one is now')
        tube:take(0)
        test:is(queue.release_many('moments', { { id, nil, { at = at } } })[1][2], '~', 'in a batch')
        test:is(fixture.code_of(queue.release, 'moments', id, { at = at, delay = 1 }), 'INVALID_ARGUMENT', 'not both')
    end },
    { 'defaults of the tube hold where a put says nothing', function(test)
        local tube = queue.create_tube('defaults', 'fifottl', { ttr = 0.02, pri = 5 })
        tube:put('a')
        tube:put('b', { pri = 4, ttr = 1000 })
        test:is(tube:take(0)[3], 'b', 'its own priority')
        test:is(tube:take(0)[3], 'a', 'the default')
        test:is(tube:take(10)[3], 'a', 'again, by the default ttr')
    end },
})
