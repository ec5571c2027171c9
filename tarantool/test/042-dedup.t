#!/usr/bin/env tarantool
-- One task per key: duplicates are refused, change the task that waits, or follow the one
-- that runs; for as long as the task is there, and for a window after it.

local here = arg[0]:match('^(.*/)') or './'
local fixture = dofile(here .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local fiber = require('fiber')
local instance = require('instance')
local queue = fixture.queue()
local keys = require('tarantella.ability.keys')
local timer = require('tarantella.timer')
local code_of, eventually = fixture.code_of, fixture.eventually

queue.create_tube('jobs', 'utubettl', { dedup = true })
local tube = queue.tube.jobs
local space = box.space._tarantella_key

local function put(data, opts)
    return queue.put('jobs', data, opts):totable()
end

local function take()
    local task = queue.take('jobs', 0)
    return task and task:totable()
end

local function seconds_left(id)
    return math.floor(tonumber(tube.raw.space:get(id).due) / 1e6 - fiber.time() + 0.5)
end

-- Keys that count. Tarantool's MVCC engine goes on showing a deleted row now and then; one
-- without its task counts for nothing.
local function keys_left()
    local left = {}
    for _, row in space:pairs() do
        if keys.get({ id = row.tube_id, store = tube.raw.store }, row.key) ~= nil then
            table.insert(left, row.key)
        end
    end
    return table.concat(left, ' ')
end

-- Nothing of one case is left for the next.
local function clear(test)
    tube:truncate()
    test:is(keys_left(), '', 'no key is left')
    test:is_deeply({ next(tube.raw.dedup.moving), next(tube.raw.amended), tube.raw.sched.busy }, { nil, nil, 0 },
        'nothing hangs')
end

fixture.run('dedup', {
    { 'a second put with the key of a task answers that task', function(test)
        local id = put({ a = 1 }, { key = 'k', delay = 50 })[1]
        test:is_deeply(put('other', { key = 'k' }), { id, '~', { a = 1 }, 'duplicate' }, 'a delayed one')
        test:is_deeply(queue.find('jobs', { key = 'k' }):totable(), { id, '~', { a = 1 } }, 'found by key')
        test:is(#put('x', { key = 'l' }), 3, 'another key')
        test:is(#put('x', { key = 5 }), 3, 'a number')
        test:is(put('x', { key = '5' })[4], 'duplicate', 'is its decimal text')
        local task = take()
        test:is_deeply(put('other', { key = 'l' }), { task[1], 't', 'x', 'duplicate' }, 'a taken one')
        tube:bury(task[1])
        test:is(put('other', { key = 'l' })[2], '!', 'a buried one')
        tube:delete(task[1])
        test:is(#put('again', { key = 'l' }), 3, 'free once it is deleted')
        task = take()
        tube:ack(task[1])
        test:is(#put('again', { key = '5' }), 3, 'or acked')
        test:is(tube.raw.space:get(id).meta.key, 'k', 'the row knows its key')
        clear(test)
    end },

    { 'a key is free when the life of its task is over', function(test)
        local id = put('x', { key = 'k', ttl = 0.01 })[1]
        eventually('it is gone', function() return tube.raw.sched:find(id) == 0 and tube.raw.sched.busy == 0 end)
        test:is(#put('y', { key = 'k' }), 3, 'free')
        clear(test)
    end },

    { 'a window outlives the task', function(test)
        local id = put('x', { key = 'k', window = 0.05 })[1]
        tube:ack(take()[1])
        test:is_deeply(put('y', { key = 'k' }), { id, '-', nil, 'duplicate' }, 'not yet')
        test:is(queue.find('jobs', { key = 'k' }), nil, 'there is no task')
        eventually('the window is over', function() return #put('y', { key = 'k' }) == 3 end)
        put('z', { key = 'm', window = 0.01 })
        tube:ack(take()[1])
        tube:ack(take()[1])
        eventually('the rows go', function()
            keys.expire()
            return keys_left() == ''
        end)
        local long = queue.create_tube('windows', 'fifo', { dedup = { window = 100 } })
        long:put(1, { key = 'k' })
        long:ack(long:take(0)[1])
        test:is(long:put(1, { key = 'k' })[4], 'duplicate', 'a window of the tube')
        test:is(long:put(1, { key = 'l', window = 0 })[4], nil, 'and none for one task')
        long:ack(long:take(0)[1])
        test:is(long:put(1, { key = 'l' })[4], nil, 'which is free')
        long:drop()
        eventually('a drop takes the keys along', function() return keys_left() == '' end)
        clear(test)
    end },

    { 'replace changes the task that waits: throttle keeps its moment, debounce restarts it', function(test)
        local id = put('a', { key = 'k', delay = 50, pri = 3, utube = 'u', ttr = 9 })[1]
        test:is_deeply(put({ b = 2 }, { key = 'k', dedup = 'replace', delay = 90 }), { id, '~', { b = 2 }, 'replaced' },
            'the data are new')
        test:is(seconds_left(id), 50, 'its moment is not')
        put('c', { key = 'k', dedup = 'replace', delay = 90, extend = true, pri = 1, ttr = 8, ttl = 1000 })
        test:is(seconds_left(id), 90, 'a debounce')
        local row = tube.raw.space:get(id)
        test:is_deeply({ row.pri, row.lane, tonumber(row.ttr), row.data }, { 1, 'u', 8e6, 'c' }, 'what is said is new')
        test:is(math.floor(tonumber(row.dead - row.due) / 1e6 + 0.5), 1000, 'the life begins after the delay')
        put('d', { key = 'k', dedup = 'replace', extend = true })
        test:is_deeply(take(), { id, 't', 'd' }, 'ready now')
        test:is(put('e', { key = 'k', dedup = 'replace' })[4], 'duplicate', 'a taken one stays')
        tube:bury(id)
        test:is_deeply(put('f', { key = 'k', dedup = 'replace' }), { id, 'r', 'f', 'replaced' }, 'a buried one lives')
        test:is(take()[3], 'f', 'again')
        test:is(queue.statistics('jobs').dedup.replaced, 4, 'counted')
        clear(test)
    end },

    { 'after keeps one run for when the task has ended, the newest', function(test)
        test:is(put(1, { key = 'k', dedup = 'after' })[4], nil, 'the first is put')
        test:is(put(2, { key = 'k', dedup = 'after' })[4], 'duplicate', 'one that waits will do')
        local id = take()[1]
        test:is_deeply(put(3, { key = 'k', dedup = 'after' }), { id, 't', 1, 'after' }, 'one that runs will not')
        put({ 4 }, { key = 'k', dedup = 'after', delay = 70, pri = 2 })
        tube:release(id)
        test:is(queue.statistics('jobs').tasks.total, 1, 'a release ends nothing')
        take()
        tube:ack(id)
        local task = queue.find('jobs', { key = 'k' }):totable()
        test:is_deeply({ task[2], task[3] }, { '~', { 4 } }, 'the newest follows')
        test:is(seconds_left(task[1]), 70, 'with its delay')
        test:is(tube.raw.space:get(task[1]).pri, 2, 'and priority')
        put(5, { key = 'k', dedup = 'replace', extend = true })
        task = take()
        test:is(put(6, { key = 'k', dedup = 'replace', taken = 'after' })[4], 'after', 'a replacement may follow too')
        tube:delete(task[1])
        task = take()
        test:is(task[3], 6, 'a deletion is an end')
        tube:ack(task[1])
        test:is(keys_left(), '', 'the key is free')
        clear(test)
    end },

    { 'a run that follows has room in a full tube', function(test)
        local full = queue.create_tube('full', 'limfifottl', { dedup = true, capacity = 1 })
        full:put(1, { key = 'k' })
        local id = full:take(0)[1]
        -- In full tubes a put is refused before anybody looks at its key.
        keys.follow(full.raw, 'k', { data = '\x02', key = 'k' })
        full:ack(id)
        test:is(full:take(0)[3], 2, 'it has followed')
        full:release_all()
        full:drop()
    end },

    { 'the task of a key can be cancelled', function(test)
        put(1, { key = 'k', window = 100, delay = 50 })
        test:is(queue.cancel('jobs', 'k'), true, 'one that waits')
        test:is(queue.statistics('jobs').tasks.total, 0, 'is gone')
        test:is(queue.cancel('jobs', 'k'), false, 'there is none')
        test:is(#put(2, { key = 'k' }), 3, 'the key is free')
        local id = take()[1]
        test:is(queue.cancel('jobs', 'k'), false, 'a taken one goes on')
        put(3, { key = 'k', dedup = 'after' })
        test:is(queue.cancel('jobs', 'k'), true, 'what follows it is cancelled')
        tube:ack(id)
        test:is(queue.statistics('jobs').tasks.total, 0, 'nothing follows')
        clear(test)
    end },

    { 'items of a batch know of each other', function(test)
        local results = queue.put_many('jobs', {
            { 'a', { key = 'k' } }, { 'b', { key = 'k' } },
            { 'c', { key = 'k', dedup = 'replace', extend = true, delay = 60 } },
            { 'd', { key = 'l' } }, { 'e', { key = 'l', dedup = 'after' } }, { 'f', { dedup = 'after' } }, { 'g' },
            { 'h', { key = 'k', dedup = 'replace', pri = 7 } },
        }):totable()
        local id = results[1][1]
        test:is_deeply({ results[1], results[2], results[3] },
            { { id, 'r' }, { id, 'r', 'duplicate' }, { id, '~', 'replaced' } }, 'put, refused, replaced')
        test:is_deeply(results[8], { id, '~', 'replaced' }, 'and once more')
        test:is(results[5][3], 'duplicate', 'after what waits')
        test:is(results[6].code, 'INVALID_ARGUMENT', 'without a key')
        test:is_deeply({ take()[3], take()[3], take() }, { 'd', 'g' }, 'the delay of the replacement counts')
        test:is(seconds_left(id), 60, 'in the row too')
        local pri = tube.raw.sched:pri(tube.raw.sched:find(id))
        test:is_deeply({ tube:peek(id)[3], pri }, { 'h', 7 }, 'the last one\'s data')
        results = queue.put_many('jobs', {
            { 'i', { key = 'k', dedup = 'replace', extend = true } },
            { 'j', { key = 'k', dedup = 'replace', extend = true, delay = 33 } },
        }):totable()
        test:is(results[2][2], '~', 'a task replaced twice')
        test:is(take(), nil, 'is not ready')
        test:is(tube:peek(id)[2], '~', 'but delayed')
        queue.release_all('jobs')
        clear(test)
    end },

    { 'keys are part of the caller\'s transaction', function(test)
        box.begin()
        put(1, { key = 'k' })
        test:is(put(2, { key = 'k' })[4], 'duplicate', 'seen inside')
        put(3, { key = 'k', dedup = 'replace', delay = 40, extend = true })
        box.rollback()
        test:is(keys_left(), '', 'rolled back')
        local id = put(1, { key = 'k' })[1]
        box.begin()
        put(2, { key = 'k', dedup = 'replace', delay = 40, extend = true })
        box.rollback()
        test:is_deeply(take(), { id, 't', 1 }, 'as it was')
        box.begin()
        put(3, { key = 'k', dedup = 'after' })
        tube:ack(id)
        box.commit()
        test:is(take()[3], 3, 'kept and put in one')
        box.begin()
        test:is(queue.cancel('jobs', 'none'), false, 'cancel')
        box.commit()
        box.begin()
        put(1, { key = 'm' })
        put(2, { key = 'm', dedup = 'replace', extend = true, delay = 40 })
        put(3, { key = 'm', dedup = 'replace' })
        box.commit()
        local task = queue.find('jobs', { key = 'm' })
        test:is_deeply({ task[2], task[3], seconds_left(task[1]) }, { '~', 3, 40 }, 'put and replaced in one')
        test:is(take(), nil, 'not ready')
        queue.release_all('jobs')
        clear(test)
    end },

    { 'an item that is refused in a transaction undoes nothing of what stands beside it', function(test)
        local id = put(1, { key = 'k' })[1]
        take()
        box.begin()
        tube:ack(id)
        put(2, { key = 'l' })
        local results = queue.put_many('jobs', { { 3, { key = 'm' } }, { 4, { dedup = 'after' } }, { 5 } }):totable()
        test:is(results[2].code, 'INVALID_ARGUMENT', 'refused')
        test:is(put(6, { key = 'm', dedup = 'replace' })[4], 'replaced', 'the key is known')
        box.commit()
        test:is_deeply({ tube.raw.arriving, tube.raw.sched.busy, tube.raw:len() }, { 0, 0, 3 }, 'all is counted')
        test:is_deeply({ take()[3], take()[3], take()[3], take() }, { 2, 6, 5 }, 'all are there')
        queue.release_all('jobs')
        clear(test)
    end },

    { 'of many puts at a time one is put, and all others hear of it', function(test)
        local done, outcomes, errors = fiber.channel(100), {}, {}
        for i = 1, 100 do
            fiber.create(function()
                local ok, task = pcall(put, i, { key = 'k', dedup = i % 2 == 0 and 'replace' or 'reject' })
                local outcome = ok and (task[4] or 'new') or tostring(task)
                outcomes[outcome] = (outcomes[outcome] or 0) + 1
                errors[#errors + 1] = not ok and outcome or nil
                done:put(true)
            end)
        end
        for _ = 1, 100 do
            done:get(10)
        end
        test:is_deeply(errors, {}, 'no error')
        test:is(outcomes.new, 1, 'one')
        test:is(outcomes.new + (outcomes.duplicate or 0) + (outcomes.replaced or 0), 100, 'the others')
        test:is(queue.statistics('jobs').tasks.total, 1, 'one task')
        clear(test)
    end },

    { 'of a failing task the dead letter frees the key, and brings it back', function(test)
        queue.create_tube('dead', 'fifottl')
        queue.create_tube('failing', 'fifottl', { dedup = true, max_attempts = 1, dead_letter = 'dead' })
        local id = queue.put('failing', 'x', { key = 'k' })[1]
        queue.take('failing', 0)
        test:is(queue.fail('failing', id)[2], '-', 'dead')
        test:is(queue.info('dead', 0).origin.key, 'k', 'its key is known')
        test:is(#queue.put('failing', 'y', { key = 'k' }), 3, 'and free')
        test:is(queue.redrive('dead'), 0, 'which keeps it from coming back')
        test:is(queue.statistics('dead').tasks.ready, 1, 'it stays')
        queue.cancel('failing', 'k')
        test:is(queue.redrive('dead'), 1, 'until the key is free')
        test:is(queue.find('failing', { key = 'k' })[3], 'x', 'again')
        queue.drop('failing')
        eventually('its keys go', function() return keys_left() == '' end)
    end },

    { 'what is not understood is refused before anything happens', function(test)
        queue.create_tube('none', 'fifo')
        test:is(code_of(queue.put, 'none', 1, { key = 'k' }), 'ABILITY_NOT_ENABLED', 'not asked for')
        test:is(code_of(queue.find, 'none', { key = 'k' }), 'ABILITY_NOT_ENABLED', 'find')
        test:is(code_of(queue.cancel, 'none', 'k'), 'ABILITY_NOT_ENABLED', 'cancel')
        for _, o in ipairs({ { key = {} }, { key = '' }, { key = ('x'):rep(257) }, { key = true }, { key = 0 / 0 },
            { key = 'k', dedup = 'maybe' }, { key = 'k', dedup = true }, { key = 'k', window = -1 },
            { key = 'k', window = 1e12 }, { key = 'k', extend = 1 }, { key = 'k', taken = 'x' }, { dedup = 'reject' },
            { window = 5 } }) do
            test:is(code_of(queue.put, 'jobs', 1, o), 'INVALID_ARGUMENT', 'put')
        end
        for _, o in ipairs({ { dedup = 5 }, { dedup = { windows = 1 } }, { dedup = { window = 'x' } },
            { dedup = true, engine = 'vinyl' }, { dedup = true, temporary = true } }) do
            test:is(code_of(queue.create_tube, 'bad', 'fifo', o), 'INVALID_ARGUMENT', 'create_tube')
        end
        test:is(code_of(queue.find, 'jobs', {}), 'INVALID_ARGUMENT', 'find')
        test:is(code_of(queue.cancel, 'jobs'), 'INVALID_ARGUMENT', 'cancel')
        queue.put('jobs', 1, { key = 'k' })
        local large = ('x'):rep(2000000)
        test:is(code_of(queue.put, 'jobs', large, { key = 'k', dedup = 'replace' }), 'TASK_TOO_LARGE', 'too large')
        test:is(take()[3], 1, 'as it was')
        test:is(code_of(queue.put, 'jobs', large, { key = 'k', dedup = 'after' }), 'TASK_TOO_LARGE', 'to be kept too')
        queue.release_all('jobs')
        clear(test)
    end },

    { 'keys and what they keep outlive a change of the master', function(test)
        put(1, { key = 'k' })
        put(2, { key = 'w', window = 100 })
        local id = take()[1]
        tube:ack(take()[1])
        put(3, { key = 'k', dedup = 'after' })
        box.cfg({ read_only = true })
        eventually('the queue waits', function() return queue.state() == 'WAITING' end)
        box.cfg({ read_only = false })
        eventually('the queue runs', function() return queue.state() == 'RUNNING' end)
        timer.kick()
        fiber.sleep(0)
        test:is(put(4, { key = 'w' })[4], 'duplicate', 'the window stands')
        take()
        tube:ack(id)
        test:is(take()[3], 3, 'the run that was kept follows')
        queue.release_all('jobs')
        clear(test)
    end },

    { 'kill -9 at any moment leaves one task for each key, or none', function(test)
        local folder, rounds = fixture.folder(), tonumber(os.getenv('KILL_ROUNDS')) or 2
        for round = 1, rounds + 1 do
            local server = instance.start(fixture.init, folder, { ADMIN_PASSWORD = 'a' })
            local admin = instance.connect(server, 'queue_admin', 'a')
            admin:call('queue.create_tube', { 'live', 'fifottl', { dedup = true, if_not_exists = true } })
            -- Every key answers, by its one task.
            local ids, double = {}, false
            for i = 1, 20 do
                local task = fixture.plain(admin:call('queue.put', { 'live', i, { key = i } }))
                double = double or ids[tonumber(task[1])] ~= nil or tonumber(task[3]) ~= i
                ids[tonumber(task[1])] = true
            end
            test:is(double, false, ('start %d: a task for each key'):format(round))
            test:is(admin:call('queue.statistics', { 'live' }).tasks.total, 20, 'and no other')
            local acked, stop, ended = 0, round > rounds, fiber.channel(4)
            local function work_on()
                local i = math.random(20)
                admin:call('queue.put', { 'live', i, { key = i, dedup = ({ 'replace', 'after' })[math.random(2)] } })
                for _, task in pairs(fixture.plain(admin:call('queue.take_many', { 'live', 2, 0 }))) do
                    admin:call('queue.ack', { 'live', task[1], task[4] })
                    acked = acked + 1
                end
            end
            for _ = 1, 4 do
                fiber.create(function()
                    while not stop do
                        pcall(work_on)
                        fiber.sleep(0)
                    end
                    ended:put(true)
                end)
            end
            eventually('there is work', function() return acked > 100 or stop end)
            instance.crash(server)
            stop = true
            for _ = 1, 4 do
                ended:get(10)
            end
        end
    end },
})
