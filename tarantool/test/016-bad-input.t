#!/usr/bin/env tarantool
-- Arguments of the wrong type or size: an error that names them, and nothing changed.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local code_of = fixture.code_of

local NAN = 0 / 0

local function refused(test, name, call, ...)
    local code, text = code_of(call, ...)
    test:is(code, 'INVALID_ARGUMENT', name)
    test:like(text or '', name, ('names it: %s'):format(text))
end

fixture.run('bad input', {
    { 'a put with an absurd option stores nothing', function(test)
        queue.create_tube('puts', 'fifottl')
        queue.create_tube('lanes', 'utube')
        for name, values in pairs({
            ttl = { -1, NAN, math.huge, 'x', {} }, ttr = { -1, NAN, false },
            delay = { -1, NAN, 1e12, 'x' }, at = { NAN, 1e30, 'tomorrow' }, pri = { 1.5, NAN, 'high', 1e300 },
        }) do
            for _, value in ipairs(values) do
                refused(test, name, queue.put, 'puts', 'x', { [name] = value })
                refused(test, name, queue.tube.puts.put, queue.tube.puts, 'x', { [name] = value })
            end
        end
        refused(test, 'colour', queue.put, 'puts', 'x', { colour = 'red' })
        refused(test, 'delay', queue.put, 'lanes', 'x', { delay = 1 })
        refused(test, 'utube', queue.put, 'lanes', 'x', { utube = ('x'):rep(2000) })
        refused(test, 'utube', queue.put, 'lanes', 'x', { utube = {} })
        refused(test, 'opts', queue.put, 'puts', 'x', 5)
        refused(test, 'data', queue.put, 'puts')
        refused(test, 'data', queue.put, 'puts', function() end)
        test:is(queue.statistics('puts').tasks.total, 0, 'nothing')
        test:is(box.space.puts:len(), 0, 'no row')
    end },
    { 'the contract ignores options that a type does not know', function(test)
        local tube = queue.create_tube('plain', 'fifo')
        test:is(tube:put('x', { delay = 5, colour = 'red' })[2], 'r', 'ready')
    end },
    { 'ids, tokens, counts and timeouts are checked', function(test)
        local tube = queue.create_tube('args', 'fifottl')
        tube:put('x')
        for _, id in ipairs({ -1, 1.5, 'x', NAN, {} }) do
            refused(test, 'id', tube.ack, tube, id)
            refused(test, 'id', tube.delete, tube, id)
        end
        refused(test, 'token', tube.ack, tube, 0, 'x')
        refused(test, 'timeout', tube.take, tube, -1)
        refused(test, 'timeout', tube.take, tube, 'x')
        refused(test, 'count', tube.kick, tube, -1)
        refused(test, 'delay', tube.release, tube, 0, { delay = -1 })
        refused(test, 'key', queue.take_many, 'args', 1, 0, { key = {} })
        test:is(code_of(tube.ack, tube, nil), 'INVALID_ARGUMENT', 'no id')
        test:is(tube:take(0)[1], 0, 'the task is there')
    end },
    { 'a tube with a bad name, type or option is not made', function(test)
        for _, name in ipairs({ '', '_x', 'a.b', 'a:b', ('x'):rep(65), 5 }) do
            refused(test, 'name', queue.create_tube, name, 'fifo')
        end
        refused(test, 'colour', queue.create_tube, 'x', 'fifo', { colour = 1 })
        refused(test, 'ttl', queue.create_tube, 'x', 'fifottl', { ttl = -1 })
        refused(test, 'engine', queue.create_tube, 'x', 'fifo', { engine = 'blackhole' })
        refused(test, 'temporary', queue.create_tube, 'x', 'fifo', { temporary = 1 })
        test:is(code_of(queue.create_tube, 'x', nil), 'TUBE_TYPE_UNKNOWN', 'no type')
        test:is(code_of(queue.create_tube, '_space', 'fifo'), 'INVALID_ARGUMENT', "a system space's name")
        test:is(box.space.x, nil, 'no space')
    end },
    { 'a method without its tube says how it is called', function(test)
        test:like(select(2, code_of(queue.tube.args.take, 0)), 'colon', 'colon')
    end },
    { 'a row that somebody else deleted costs one error and no more', function(test)
        local tube = queue.create_tube('holes', 'fifo')
        tube:put(1)
        tube:put(2)
        tube:put(3)
        box.space.holes:delete(0)
        test:is(tube:take(0)[1], 1, 'the next is taken')
        box.space.holes:delete(1)
        test:is(code_of(tube.ack, tube, 1), 'TASK_NOT_FOUND', 'its ack fails')
        test:is(queue.statistics('holes').tasks.total, 1, 'and it is forgotten')
    end },
})
