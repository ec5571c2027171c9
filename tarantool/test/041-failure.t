#!/usr/bin/env tarantool
-- Failed attempts: counted in the row, delayed by the policy, buried or moved to the
-- tube of the dead at the maximum, and brought back.

local here = arg[0]:match('^(.*/)') or './'
local fixture = dofile(here .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local fiber = require('fiber')
local instance = require('instance')
local queue = fixture.queue()
local session = require('tarantella.session')
local code_of, eventually = fixture.code_of, fixture.eventually

local function take(name, opts)
    local task = queue.take(name, 0, opts or { token = true })
    return task and task:totable()
end

-- Runs a function as a session of its own, which has ended when it returns.
local function as_session(fn)
    local done = fiber.channel(1)
    fiber.create(function()
        local result = { pcall(fn) }
        session.close_current()
        done:put(result)
    end)
    local result = done:get()
    if not result[1] then
        error(result[2], 0)
    end
    return result[2]
end

queue.create_tube('graves', 'fifottl')
queue.create_tube('work', 'utubettl', {
    max_attempts = 3, backoff = { kind = 'exponential', delay = 60, max = 100 }, dead_letter = 'graves',
})
local work, graves = queue.tube.work, queue.tube.graves

local function clear()
    work:truncate()
    graves:truncate()
end

fixture.run('failure', {
    { 'a failure is counted, explained and delayed, and the maximum sends the task to the dead', function(test)
        local id = work:put({ deep = { 1 } }, { pri = 5, utube = 'a', ttr = 9, ttl = 1000 })[1]
        local dead_before = work.raw.space:get(id).dead
        local task = take('work', { attempts = true })
        test:is_deeply({ task[1], task[2], task[5] }, { id, 't', 1 }, 'the first attempt')
        test:is_deeply(queue.fail('work', id, { error = 'no route', token = task[4] }):totable(),
            { id, '~', { deep = { 1 } } }, 'delayed')
        local row = work.raw.space:get(id)
        test:is(math.floor(tonumber(row.due) / 1e6 - fiber.time() + 0.5), 60, 'by the first delay')
        test:is(tonumber(row.dead - dead_before), 60e6, 'its life has grown')
        local info = queue.info('work', id)
        test:is_deeply({ info.attempts, info.error, info.state, info.max_attempts }, { 1, 'no route', '~', 3 }, 'info')
        test:ok(math.abs(info.failed - fiber.time()) < 5, 'and when')
        test:is(code_of(queue.ack, 'work', id, task[4]), 'TASK_NOT_TAKEN', 'its token opens nothing')

        work:bury(id)
        work:kick(1)
        task = take('work', { attempts = true })
        test:is(task[5], 2, 'the second attempt')
        queue.fail('work', id, { error = 'again' })
        row = work.raw.space:get(id)
        test:is(math.floor(tonumber(row.due) / 1e6 - fiber.time() + 0.5), 100, 'the longest delay')
        work:bury(id)
        work:kick(1)
        take('work')
        test:is(queue.fail('work', id, { error = 'third' })[2], '-', 'gone from here')
        test:is(code_of(work.peek, work, id), 'TASK_NOT_FOUND', 'really')
        local grave = graves:take(0)
        test:is_deeply(grave[3], { deep = { 1 } }, 'the payload has moved')
        info = queue.info('graves', grave[1])
        test:is_deeply({ info.attempts, info.error, info.origin.tube, info.origin.id }, { 3, 'third', 'work', id },
            'with its story')
        graves:release(grave[1])
        test:is(queue.redrive('graves'), 1, 'redriven')
        row = work.raw.space.index[0]:max()
        test:is_deeply({ row.pri, row.lane, tonumber(row.ttr), row.meta }, { 5, 'a', 9e6, nil }, 'as it was put')
        test:is(graves:take(0), nil, 'one place only')
        test:is(queue.statistics('work').calls.fail, 3, 'counted')
        clear()
    end },

    { 'a call may say the delay, and that there is no further attempt', function(test)
        local id = work:put('x')[1]
        take('work')
        test:is(queue.fail('work', id, { delay = 0 })[2], 'r', 'at once')
        take('work')
        test:is(queue.fail('work', id, { final = true })[2], '-', 'no more')
        test:is(queue.info('graves', graves:take(0)[1]).attempts, 2, 'two were made')
        clear()
    end },

    { 'a task may have a policy of its own', function(test)
        local id = work:put('x', { max_attempts = 1 })[1]
        take('work')
        test:is(queue.fail('work', id)[2], '-', 'one attempt')
        id = work:put('x', { backoff = { kind = 'linear', delay = 7 }, max_attempts = 9 })[1]
        for n = 1, 3 do
            take('work')
            queue.fail('work', id)
            local row = work.raw.space:get(id)
            test:is(math.floor(tonumber(row.due) / 1e6 - fiber.time() + 0.5), 7 * n, 'linear ' .. n)
            work:bury(id)
            work:kick(1)
        end
        clear()
    end },

    { 'jitter shortens a delay, by its share at most', function(test)
        queue.create_tube('jitter', 'fifo', { backoff = { kind = 'fixed', delay = 100, jitter = 0.5 } })
        local least, most = math.huge, 0
        for _ = 1, 200 do
            local id = queue.put('jitter', 'x')[1]
            take('jitter')
            queue.fail('jitter', id)
            local seconds = tonumber(box.space.jitter:get(id).due) / 1e6 - fiber.time()
            least, most = math.min(least, seconds), math.max(most, seconds)
        end
        test:ok(least >= 49 and least < 60 and most > 90 and most <= 100.1, ('%g to %g'):format(least, most))
    end },

    { 'without a policy a failure is counted, and the task is ready again', function(test)
        queue.create_tube('plain', 'fifo')
        queue.create_tube('disk', 'fifottl', { engine = 'vinyl' })
        for _, name in ipairs({ 'plain', 'disk' }) do
            local id = queue.put(name, 'x')[1]
            for _ = 1, 5 do
                take(name)
                test:is(queue.fail(name, id, { error = 'e' })[2], 'r', 'ready')
            end
            test:is(queue.info(name, id).attempts, 5, name)
            test:is(take(name, { attempts = true })[5], 6, 'the sixth')
            test:is(queue.fail(name, id, { final = true })[2], '!', 'buried')
        end
    end },

    { 'many fail in one commit, each for itself', function(test)
        local ids = {}
        for i = 1, 4 do
            ids[i] = work:put(i, { max_attempts = i == 4 and 1 or nil })[1]
        end
        local tasks = queue.take_many('work', 4, 0, { attempts = true }):totable()
        test:is(tasks[1][5], 1, 'a batch is told of attempts too')
        local results = queue.fail_many('work', {
            { ids[1], tasks[1][4], { error = 'one' } }, ids[2], { ids[3], 1 },
            { ids[4], tasks[4][4], { error = 'four' } }, { ids[1] }, { ids[3], tasks[3][4], { delay = 'x' } }, {},
        }):totable()
        test:is(results[1][2] .. results[2][2] .. results[4][2], '~~-', 'three have failed')
        test:is(results[3].code, 'TASK_NOT_TAKEN', 'a wrong token')
        test:is(results[5].code, 'TASK_NOT_TAKEN', 'named twice')
        test:is(results[6].code .. results[7].code, 'INVALID_ARGUMENTINVALID_ARGUMENT', 'not understood')
        test:is(queue.statistics('work').tasks.taken, 1, 'the fourth is held')
        test:is(queue.info('graves', graves:take(0)[1]).error, 'four', 'the dead one')
        queue.release_all('work')
        clear()
    end },

    { 'a failure is part of the caller\'s transaction', function(test)
        local id = work:put('x', { max_attempts = 1 })[1]
        local task = take('work')
        box.begin()
        queue.fail('work', id, { token = task[4] })
        box.rollback()
        test:is(work:peek(id)[2], 't', 'rolled back, it is held')
        test:is(queue.statistics('graves').tasks.total, 0, 'nobody is dead')
        box.begin()
        queue.fail_many('work', { { id, task[4] } })
        test:is(queue.statistics('graves').tasks.total, 0, 'not yet')
        box.commit()
        test:is(graves:take(0)[3], 'x', 'committed')
        graves:release_all()
        box.begin()
        test:is(queue.redrive('graves'), 1, 'back')
        box.commit()
        test:is(take('work', { attempts = true })[5], 1, 'with no attempt behind it')
        queue.release_all('work')
        clear()
    end },

    { 'the end of a lease is a failed attempt, and its token opens a late ack', function(test)
        local id = work:put('x', { ttr = 0.01 })[1]
        local task = take('work')
        eventually('it is counted', function() return work.raw.space:get(id).meta end)
        eventually('it is delayed', function() return work:peek(id)[2] == '~' end)
        test:is(queue.info('work', id).error, 'the time to run is over', 'why')
        test:is(queue.fail('work', id, { token = task[4], error = 'late' })[2], '~', 'a late word')
        test:is(queue.info('work', id).attempts, 1, 'counts the attempt once')
        test:is(queue.info('work', id).error, 'late', 'and tells why')

        id = as_session(function()
            work:put('y', { max_attempts = 5 })
            task = take('work')
            return task[1]
        end)
        eventually('it is counted', function() return work:peek(id)[2] == '~' end)
        test:is(queue.info('work', id).error, 'the session has ended', 'a lost session')
        test:is(queue.ack('work', id, task[4])[2], '-', 'a late ack')
        clear()
    end },

    { 'an ack between the end of a lease and its count wins', function(test)
        local id = work:put('x')[1]
        local task = as_session(function() return take('work') end)
        -- Nothing has yielded to the timer since the session ended, but for the channel.
        test:is(queue.ack('work', id, task[4])[2], '-', 'accepted')
        fiber.sleep(0)
        test:is(work.raw:len(), 0, 'it stays done')
        id = work:put('x')[1]
        task = as_session(function() return take('work') end)
        test:is(queue.touch('work', id, 100, { token = task[4] })[2], 't', 'so does a touch')
        fiber.sleep(0)
        test:is(work:peek(id)[2], 't', 'it is held')
        test:is(work.raw.space:get(id).meta, nil, 'nothing is counted')
        test:is(queue.ack('work', id)[2], '-', 'by who touched it')
    end },

    { 'thousands of leases of one session end in batches', function(test)
        local count = 2500
        as_session(function()
            local list = {}
            for i = 1, count do
                list[i] = { i, { max_attempts = i % 2 == 0 and 1 or nil } }
            end
            queue.put_many('work', list)
            for _ = 1, 3 do
                queue.take_many('work', 1000, 0)
            end
        end)
        eventually('all are seen to', function() return queue.statistics('work').tasks.taken == 0 end)
        test:is(queue.statistics('work').tasks.delayed, count / 2, 'half of them wait')
        test:is(queue.statistics('graves').tasks.ready, count / 2, 'half of them are dead')
        test:is(queue.redrive('graves', { limit = 700 }), 700, 'a limit')
        test:is(queue.redrive('graves', { error = 'nothing of that' }), 0, 'a text')
        test:is(queue.redrive('graves', { origin = 'other' }), 0, 'an origin')
        test:is(queue.redrive('graves', { origin = 'work', error = 'session' }), count / 2 - 700, 'the rest')
        test:is(queue.statistics('work').tasks.ready, count / 2, 'are ready')
        test:is(work.raw.sched.busy + graves.raw.sched.busy, 0, 'nothing hangs')
        clear()
    end },

    { 'without a tube for the dead, or room in it, they are buried', function(test)
        queue.create_tube('small', 'limfifottl', { capacity = 1 })
        queue.create_tube('lost', 'fifottl', { max_attempts = 1, dead_letter = 'small' })
        local states = ''
        for _ = 1, 2 do
            local id = queue.put('lost', 'x')[1]
            take('lost')
            states = states .. queue.fail('lost', id)[2]
        end
        test:is(states, '-!', 'one has room')
        queue.drop('small')
        local id = queue.put('lost', 'x')[1]
        take('lost')
        test:is(queue.fail('lost', id)[2], '!', 'no tube')
        test:like(table.concat(queue.health().warnings, ';'), 'dead%-letter tube small', 'health says so')
        queue.create_tube('orphans', 'fifo')
        queue.create_tube('gone', 'fifo', { max_attempts = 1, dead_letter = 'orphans' })
        id = queue.put('gone', 'x')[1]
        take('gone')
        queue.fail('gone', id)
        queue.drop('gone')
        test:is(queue.redrive('orphans'), 0, 'whose origin is not there stays')
        test:is(queue.statistics('orphans').tasks.ready, 1, 'as it was')
    end },

    { 'what is not understood is refused before anything happens', function(test)
        local id = work:put('x')[1]
        local token = take('work')[4]
        for _, opts in ipairs({ 5, { error = 5 }, { delay = -1 }, { delay = 'x' }, { final = 1 }, { no = 1 },
            { token = 'x' } }) do
            test:is(code_of(queue.fail, 'work', id, opts), 'INVALID_ARGUMENT', 'fail')
        end
        for _, o in ipairs({ { max_attempts = 0 }, { max_attempts = 1.5 }, { backoff = 5 }, { backoff = {} },
            { backoff = { kind = 'random', delay = 1 } }, { backoff = { kind = 'fixed' } },
            { backoff = { kind = 'fixed', delay = 1, jitter = 2 } }, { backoff = { kind = 'fixed', delay = 1, x = 1 } },
            { dead_letter = 'nowhere' }, { dead_letter = 5 }, { dead_letter = 'disk' },
            { max_attempts = 1, engine = 'vinyl' } }) do
            test:is(code_of(queue.create_tube, 'bad', 'fifottl', o), 'INVALID_ARGUMENT', 'create_tube')
        end
        test:is(code_of(queue.put, 'work', 1, { max_attempts = 'x' }), 'INVALID_ARGUMENT', 'put')
        test:is(code_of(queue.put, 'plain', 1, { max_attempts = 1 }), 'ABILITY_NOT_ENABLED', 'not asked for')
        test:is(code_of(queue.redrive, 'graves', { limit = 0 }), 'INVALID_ARGUMENT', 'redrive')
        test:is(code_of(queue.info, 'work', 12345), 'TASK_NOT_FOUND', 'info')
        queue.fail('work', id, { token = token, error = ('x'):rep(1023) .. 'é' })
        test:is(#queue.info('work', id).error, 1023, 'a long error is cut between characters')
        clear()
    end },

    { 'attempts are known after a change of the master', function(test)
        local id = work:put('x')[1]
        local other = work:put('y', { pri = 1 })[1]
        take('work')
        queue.fail('work', id, { error = 'e', delay = 0 })
        local held = take('work')
        test:is(held[1], id, 'held when the master changes')
        box.cfg({ read_only = true })
        eventually('the queue waits', function() return queue.state() == 'WAITING' end)
        box.cfg({ read_only = false })
        eventually('the queue runs', function() return queue.state() == 'RUNNING' end)
        test:is(queue.info('work', id).attempts, 1, 'that end of a lease is none of the task\'s')
        test:is(queue.fail('work', id, { token = held[4], delay = 0 })[2], 'r', 'a late word is heard')
        test:is(take('work', { attempts = true })[5], 3, 'and counted')
        test:is(queue.ack('work', id)[2] .. work:delete(other)[2], '--', 'done')
    end },

    { 'kill -9 at any moment leaves each task in one place', function(test)
        local folder = fixture.folder()
        local total, rounds = 0, tonumber(os.getenv('KILL_ROUNDS')) or 2
        for round = 1, rounds + 1 do
            local server = instance.start(fixture.init, folder, { ADMIN_PASSWORD = 'a', TUBES = 'dead:fifottl' })
            local admin = instance.connect(server, 'queue_admin', 'a')
            admin:call('queue.create_tube', { 'live', 'fifottl', {
                max_attempts = 2, dead_letter = 'dead', if_not_exists = true,
            } })
            local live = admin:call('queue.statistics', { 'live' }).tasks.total
            local dead = admin:call('queue.statistics', { 'dead' }).tasks.total
            -- Of the puts that were under way nobody has heard.
            test:ok(live + dead >= total and live + dead <= total + 4 * (round - 1),
                ('start %d: %d live and %d dead of %d'):format(round, live, dead, total))
            local failed, stop, ended = 0, round > rounds, fiber.channel(4)
            local function work_on()
                local id = admin:call('queue.put', { 'live', 'x' })[1]
                total = total + (id and 1 or 0)
                for _, task in pairs(fixture.plain(admin:call('queue.take_many', { 'live', 2, 0 }))) do
                    admin:call('queue.fail', { 'live', task[1], { token = task[4] } })
                    failed = failed + 1
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
            eventually('there is work', function() return failed > 100 or stop end)
            instance.crash(server)
            stop = true
            for _ = 1, 4 do
                ended:get(10)
            end
        end
    end },
})
