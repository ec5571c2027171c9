#!/usr/bin/env tarantool
-- Many tasks in one call: one commit, one result per item.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local code_of = fixture.code_of

local function commits()
    -- Every commit of the WAL writer that has rows is one message; rows alone are not told apart.
    return box.info.lsn
end

local function codes(results)
    local list = {}
    for i, result in results:pairs() do
        list[i] = result.code or result[2]
    end
    return list
end

fixture.run('batches', {
    { 'a put of many fails item by item, in order', function(test)
        queue.create_tube('puts', 'fifottl')
        local results = queue.put_many('puts', {
            { 'a' },
            { 'b', { delay = 100 } },
            { 'c', { ttl = -1 } },
            { ('x'):rep(2 * 1024 * 1024) },
            { 'd', { colour = 'red' } },
            'e',
            { nil, { pri = 1 } },
        })
        test:is_deeply(codes(results), {
            'r', '~', 'INVALID_ARGUMENT', 'TASK_TOO_LARGE', 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'r',
        }, 'codes')
        test:like(results[5].message, 'colour', 'the unknown option is named')
        test:is(queue.statistics('puts').tasks.total, 3, 'the good ones are there')
        test:is(#queue.put_many('puts', {}), 0, 'an empty list has no results')
    end },
    { 'taken tasks carry their tokens, and an ack of many settles each by its own', function(test)
        local tube = queue.create_tube('acks', 'fifottl')
        queue.put_many('acks', { { 1 }, { 2 }, { 3 }, { 4 } })
        local tasks = queue.take_many('acks', 3, 0)
        test:is(#tasks, 3, 'three of four')
        test:is_deeply({ tasks[1][1], tasks[1][2], tasks[1][3] }, { 0, 't', 1 }, 'task')
        local results = queue.ack_many('acks', {
            tasks[1][1], { tasks[2][1], tasks[2][4] }, { tasks[3][1], tasks[3][4] + 1 }, 3, 99, 'x', tasks[1][1],
        })
        test:is_deeply(codes(results), {
            '-', '-', 'TASK_NOT_TAKEN', 'TASK_NOT_TAKEN', 'TASK_NOT_TAKEN', 'INVALID_ARGUMENT', 'TASK_NOT_TAKEN',
        }, 'codes')
        test:is(box.space.acks:len(), 2, 'two rows left')
        tube:release(2)
    end },
    { 'release, touch, bury and delete of many', function(test)
        queue.create_tube('others', 'fifottl')
        queue.put_many('others', { { 1 }, { 2 }, { 3 }, { 4 } })
        local tasks = queue.take_many('others', 4, 0)
        local function item(i, arg)
            return { tasks[i][1], tasks[i][4], arg }
        end
        test:is_deeply(codes(queue.touch_many('others', { item(1, 5), item(2, -1) })),
            { 't', 'INVALID_ARGUMENT' }, 'touch')
        test:is_deeply(codes(queue.release_many('others', { item(1), item(2, { delay = 100 }) })),
            { 'r', '~' }, 'release')
        test:is_deeply(codes(queue.bury_many('others', { item(3), 0 })), { '!', '!' }, 'bury')
        test:is_deeply(codes(queue.delete_many('others', { 0, 1, 2, 3, 99 })),
            { '-', '-', '-', '-', 'TASK_NOT_FOUND' }, 'delete')
        test:is(queue.statistics('others').tasks.total, 0, 'none left')
    end },
    { 'a batch writes one row per task and takes write none', function(test)
        queue.create_tube('rows', 'fifottl')
        local before = commits()
        queue.put_many('rows', { { 1 }, { 2 }, { 3 } })
        test:is(tonumber(commits() - before), 3, 'put')
        before = commits()
        local tasks = queue.take_many('rows', 10, 0)
        queue.release_many('rows', { tasks[1][1] })
        test:is(tonumber(commits() - before), 0, 'take and release')
        queue.ack_many('rows', { tasks[2][1], tasks[3][1] })
        test:is(tonumber(commits() - before), 2, 'ack')
    end },
    { 'sizes are bounded', function(test)
        queue.create_tube('bounds', 'fifo')
        test:is(code_of(queue.take_many, 'bounds', 0, 0), 'INVALID_ARGUMENT', 'no task')
        test:is(code_of(queue.take_many, 'bounds', 1001, 0), 'INVALID_ARGUMENT', 'too many')
        test:is(code_of(queue.take_many, 'bounds', 1.5, 0), 'INVALID_ARGUMENT', 'a fraction')
        local ids = {}
        for i = 1, 10001 do
            ids[i] = i
        end
        test:is(code_of(queue.ack_many, 'bounds', ids), 'INVALID_ARGUMENT', 'a list too long')
        test:is(code_of(queue.ack_many, 'bounds', 5), 'INVALID_ARGUMENT', 'no list')
    end },
    { 'a reply stops growing at its bound and leaves the rest ready', function(test)
        queue.create_tube('bytes', 'fifo')
        local big = ('x'):rep(900 * 1024)
        queue.put_many('bytes', { { big }, { big }, { big }, { big }, { big }, { big } })
        test:is(#queue.take_many('bytes', 10, 0), 5, 'five of 900 KiB pass 4 MiB')
        test:is(#queue.take_many('bytes', 10, 0), 1, 'the rest')
    end },
    { 'ack_take finishes tasks and fetches the next ones', function(test)
        queue.create_tube('both', 'fifo')
        queue.put_many('both', { { 1 }, { 2 }, { 3 } })
        local tasks = queue.take_many('both', 2, 0)
        local results, more = queue.ack_take('both', { tasks[1][1], { tasks[2][1], tasks[2][4] }, 99 }, 5, 0)
        test:is_deeply(codes(results), { '-', '-', 'TASK_NOT_TAKEN' }, 'results')
        test:is_deeply({ #more, more[1][3] }, { 1, 3 }, 'the next')
        results, more = queue.ack_take('both', {}, 5, 0)
        test:is_deeply({ #results, #more }, { 0, 0 }, 'nothing to do')
        test:is(code_of(queue.ack_take, 'both', { more[1] }, 0, 0), 'INVALID_ARGUMENT', 'a wrong count acks nothing')
    end },

    { 'a fifo tube waits too where it is asked by name', function(test)
        local fifo = queue.create_tube('waits', 'fifo')
        fifo:put('a')
        fifo:put('b')
        local one, two = fifo:take(0)[1], fifo:take(0)[1]
        test:is(queue.release('waits', one, { delay = 0.01 })[2], '~', 'release')
        test:is(queue.release_many('waits', { { two, nil, { delay = 100 } } }):totable()[1][2], '~', 'release_many')
        test:is(fifo:take(5)[1], one, 'it comes back')
        test:is(fifo:release(one, { delay = 100 })[2], 'r', 'its method ignores the delay, as in tarantool/queue')
        test:is(queue.statistics('waits').tasks.delayed, 1, 'the other waits')
    end },
})
