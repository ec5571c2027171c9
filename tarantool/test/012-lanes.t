#!/usr/bin/env tarantool
-- utube: one taken task per lane, and no take looks behind a busy one.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local clock = require('clock')
local fiber = require('fiber')

fixture.run('lanes', {
    { 'a lane gives one task at a time, in order', function(test)
        local tube = queue.create_tube('one', 'utube')
        tube:put('a1', { utube = 'a' })
        tube:put('a2', { utube = 'a' })
        tube:put('b1', { utube = 'b' })
        test:is(tube:take(0)[3], 'a1', 'first of a')
        test:is(tube:take(0)[3], 'b1', 'first of b')
        test:is(tube:take(0), nil, 'both are busy')
        test:is(queue.statistics('one').tasks.ready, 1, 'the third is ready all the same')
        tube:ack(0)
        test:is(tube:take(0)[3], 'a2', 'second of a')
    end },
    { 'every way out of a lease frees its lane', function(test)
        local tube = queue.create_tube('ways', 'utubettl')
        for _ = 1, 6 do
            tube:put('x', { utube = 'l', ttr = 0.02 })
        end
        tube:ack(tube:take(0)[1])
        tube:bury(tube:take(0)[1])
        tube:delete(tube:take(0)[1])
        tube:release(tube:take(0)[1], { delay = 100 })
        local id = tube:take(0)[1]
        test:is(tube:take(0), nil, 'busy')
        test:is(tube:take(10)[1], id, 'its lease ran out')
        tube:release(id)
        test:is(tube:take(0)[1], id, 'released')
    end },
    { 'numbers name lanes, and no name means no lane', function(test)
        local tube = queue.create_tube('names', 'utube')
        tube:put(1, { utube = 7 })
        tube:put(2, { utube = '7' })
        tube:put(3)
        tube:put(4)
        test:is(tube:take(0)[1], 0, 'lane 7')
        test:is(tube:take(0)[1], 2, 'no lane')
        test:is(tube:take(0)[1], 3, 'no lane, at the same time')
        test:is(tube:take(0), nil, 'lane 7 is busy')
    end },
    { 'compat_nil_utube makes tasks without a lane serial, as in tarantool/queue', function(test)
        local tube = queue.create_tube('serial', 'utube', { compat_nil_utube = true })
        tube:put(1)
        tube:put(2)
        test:is(tube:take(0)[1], 0, 'one')
        test:is(tube:take(0), nil, 'not the other')
    end },
    { 'a waiting take is woken when a lane becomes free', function(test)
        local tube = queue.create_tube('woken', 'utube')
        tube:put(1, { utube = 'l' })
        tube:put(2, { utube = 'l' })
        tube:take(0)
        local got = fiber.channel(1)
        fiber.create(function() got:put(tube:take(10)) end)
        tube:ack(0)
        test:is(got:get(10)[1], 1, 'the next')
    end },
    { 'a take behind 50 000 tasks of a busy lane finds the free one without looking at them', function(test)
        local tube = queue.create_tube('backlog', 'utube')
        for _ = 1, 50 do
            local batch = {}
            for i = 1, 1000 do
                batch[i] = { i, { utube = 'busy' } }
            end
            queue.put_many('backlog', batch)
        end
        tube:take(0)
        test:is(tube.raw.sched:available(), 0, 'nothing is in sight of a take')
        tube:put('free', { utube = 'free' })
        local started = clock.monotonic()
        test:is(tube:take(0)[3], 'free', 'the free one')
        test:diag(('%.0f us'):format((clock.monotonic() - started) * 1e6))
    end },
    { 'lane_limit lets more than one task of a lane be taken', function(test)
        local tube = queue.create_tube('wide', 'utube', { lane_limit = 2 })
        for i = 1, 4 do
            tube:put(i, { utube = 'l' })
        end
        test:is(tube:take(0)[1], 0, 'the first')
        test:is(tube:take(0)[1], 1, 'the second')
        test:is(tube:take(0), nil, 'no third')
        local got = fiber.channel(2)
        for _ = 1, 2 do
            fiber.create(function() got:put(tube:take(10)[1]) end)
        end
        queue.ack_many('wide', { 0, 1 })
        test:is(got:get(10) + got:get(10), 2 + 3, 'both waiting takes are served')
    end },
    { 'a take from a named lane gets that lane and no other', function(test)
        local tube = queue.create_tube('named', 'utubettl')
        tube:put('b', { utube = 'b' })
        tube:put('a', { utube = 'a' })
        test:is(tube:take(0, { utube = 'a' })[3], 'a', 'past an older task of another lane')
        test:is(tube:take(0, { utube = 'a' }), nil, 'busy')
        test:is(#queue.take_many('named', 5, 0, { utube = 'x' }), 0, 'a lane that is not there')
        local got, other = fiber.channel(1), fiber.channel(1)
        fiber.create(function() got:put(tube:take(10, { utube = 'x' })) end)
        fiber.create(function()
            tube:take(0)
            other:put(tube:take(10))
        end)
        fixture.eventually('both wait', function() return tube.raw:waiting() == 2 end)
        test:is(fixture.code_of(tube.drop, tube), 'TUBE_IN_USE', 'they keep the tube')
        tube:put('y', { utube = 'y' })
        test:is(other:get(10)[3], 'y', 'another lane serves who takes any')
        tube:put('x', { utube = 'x' })
        test:is(got:get(10)[3], 'x', 'its lane serves it')
        test:is(tube.raw:waiting(), 0, 'nobody waits')
        test:is(next(tube.raw.lines), nil, 'no line is left')
        local fifo = queue.create_tube('plain', 'fifo')
        test:is(fixture.code_of(fifo.take, fifo, 0, { utube = 'a' }), 'INVALID_ARGUMENT', 'a tube without lanes')
    end },
    { 'a task of a lane goes to who waits for that lane, and nobody starves', function(test)
        local tube = queue.create_tube('fair', 'utube')
        local got = fiber.channel(10)
        fiber.create(function() got:put('any ' .. tube:take(10)[3]) end)
        fiber.create(function() got:put('named ' .. tube:take(10, { utube = 'l' })[3]) end)
        fixture.eventually('both wait', function() return tube.raw:waiting() == 2 end)
        tube:put(1, { utube = 'l' })
        test:is(got:get(10), 'named 1', 'the named one')
        tube:put(2)
        test:is(got:get(10), 'any 2', 'the other')
    end },
})
