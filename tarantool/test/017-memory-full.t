#!/usr/bin/env tarantool
-- What an instance does whose memory is used up.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue({ memtx_memory = 64 * 1024 * 1024 })
local code_of = fixture.code_of

local PAYLOAD = ('x'):rep(10000)

-- Puts until one is refused; the code of that.
local function fill(tube)
    for _ = 1, 10000 do
        local code = code_of(tube.put, tube, PAYLOAD)
        if code ~= nil then
            return code
        end
    end
end

fixture.run('memory', {
    { 'a put that finds no memory has a code of its own, alone and in a batch', function(test)
        local tube = queue.create_tube('full', 'fifottl')
        test:is(fill(tube), 'MEMORY_FULL', 'a put')
        local before = queue.statistics('full').tasks.total
        test:is(queue.put_many('full', { { PAYLOAD } })[1].code, 'MEMORY_FULL', 'an item of a batch')
        test:is(queue.statistics('full').tasks.total, before, 'nothing was put')
    end },
    { 'a change that finds none leaves the lease, and acks make room', function(test)
        local tube = queue.tube.full
        local task = tube:take(0)
        test:is(code_of(tube.bury, tube, task[1]), 'MEMORY_FULL', 'bury')
        test:is(code_of(tube.release, tube, task[1], { delay = 5 }), 'MEMORY_FULL', 'release with a delay')
        test:is(tube:peek(task[1])[2], 't', 'it is taken')
        for _, other in ipairs(queue.take_many('full', 100, 0)) do
            tube:ack(other[1])
        end
        test:is(queue.statistics('full').calls.ack, 100, 'acks')
        test:is(tube:bury(task[1])[2], '!', 'bury, now that there is room')
    end },
})
