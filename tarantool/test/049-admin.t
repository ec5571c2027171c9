#!/usr/bin/env tarantool
-- What operators see and do: pages, changes by id and by filter, moves, sessions, options.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local fiber = require('fiber')
local queue = fixture.queue()
local plain = fixture.plain

local function fill(name, count, opts)
    local items = {}
    for i = 1, count do
        items[i] = { i, opts }
    end
    return queue.put_many(name, items):totable()
end

local function ids_of(page)
    local ids = {}
    for i, task in ipairs(page.tasks) do
        ids[i] = tonumber(task.id)
    end
    return ids
end

local function made(name, kind, opts)
    return queue.create_tube(name, kind or 'utubettl', opts)
end

local function refused(test, code, ...)
    local got, text = fixture.code_of(...)
    test:is(got, code, text)
end

local function counts(name)
    local t = queue.statistics(name).tasks
    return ('%d %d %d %d'):format(t.ready, t.delayed, t.taken, t.buried)
end

fixture.run('admin', {
    { 'a page has the tasks of a state in order of id, and says where the next begins', function(test)
        local tube = made('pages')
        fill('pages', 5)
        tube:put('late', { delay = 100, ttl = 50, ttr = 7, pri = 3, utube = 'a' })
        tube:bury(1)
        test:is_deeply(ids_of(queue.list('pages')), { 0, 1, 2, 3, 4, 5 }, 'all')
        test:is(queue.list('pages').next, nil, 'no further page')
        local page = queue.list('pages', { state = 'ready', limit = 2 })
        test:is_deeply(ids_of(page), { 0, 2 }, 'a first page')
        page = queue.list('pages', { state = 'r', limit = 2, after = page.next })
        test:is_deeply(ids_of(page), { 3, 4 }, 'and the next')
        test:is_deeply(ids_of(queue.list('pages', { reverse = true, limit = 2 })), { 5, 4 }, 'from the end')
        test:is_deeply(ids_of(queue.list('pages', { reverse = true, after = 2 })), { 1, 0 }, 'before an id')
        test:is_deeply(ids_of(queue.list('pages', { state = { 'buried', 'delayed' } })), { 1, 5 }, 'of two states')
        local late = queue.list('pages', { utube = 'a' }).tasks[1]
        test:is_deeply({ late.state, late.pri, late.utube, late.ttr, late.data }, { '~', 3, 'a', 7, 'late' }, 'fields')
        test:ok(math.abs(late.due - fiber.time() - 100) < 5 and math.abs(late.dead - late.due - 50) < 0.1, 'moments')
        test:is_deeply(ids_of(queue.find_lane('pages', 'a')), { 5 }, 'by lane')
        test:is_deeply(ids_of(queue.find_lane('pages', 'b')), {}, 'a lane that is not there')
        test:is_deeply(ids_of(tube:list({ limit = 1 })), { 0 }, 'as a method')
    end },

    { 'few tasks among many are found without a walk through the rows', function(test)
        made('many', 'utubettl')
        for _ = 1, 6 do
            fill('many', 5000)
        end
        for _, id in ipairs({ 29999, 3, 15000 }) do
            queue.bury('many', id)
        end
        test:is_deeply(ids_of(queue.list('many', { state = 'buried' })), { 3, 15000, 29999 }, 'all of them at once')
        test:is_deeply(ids_of(queue.list('many', { state = 'buried', limit = 1, after = 3 })), { 15000 }, 'a page')
        test:is_deeply(ids_of(queue.list('many', { state = 'buried', limit = 2, reverse = true })), { 29999, 15000 },
            'from the end')
        local page = queue.list('many', { limit = 1000, preview = 0 })
        test:is(#page.tasks, 1000, 'a page of a thousand')
        test:is(page.tasks[1].data, nil, 'without payloads')
        local seen, after = 0, nil
        repeat
            page = queue.list('many', { state = 'ready', limit = 1000, after = after, preview = 0 })
            seen, after = seen + #page.tasks, page.next
        until after == nil
        test:is(seen, 29997, 'page by page')
        box.begin()
        page = queue.list('many', { state = 'buried', limit = 1 })
        box.commit()
        test:ok(page.next ~= nil, 'in a transaction a page ends with its slice')
    end },

    { 'a page of many among more is the first of them, from either end', function(test)
        local search = require('tarantella.admin.search')
        local most = search.MAX_ROWS
        search.MAX_ROWS = 100
        local buried = {}
        for id = 29998, 4, -4 do
            table.insert(buried, id)
        end
        queue.bury_many('many', buried)
        local first = ids_of(queue.list('many', { state = 'buried', after = 100, limit = 100 }))
        test:is_deeply({ first[1], first[2], first[100] }, { 102, 106, 498 }, 'the first hundred')
        local last = ids_of(queue.list('many', { state = 'buried', after = 29000, limit = 100, reverse = true }))
        test:is_deeply({ last[1], last[2], last[100] }, { 28998, 28994, 28602 }, 'the last hundred')
        local page = queue.list('many', { state = 'ready', utube = 'none', limit = 1 })
        test:is_deeply({ #page.tasks, page.next }, { 0, nil }, 'none of a lane that is not there')
        search.MAX_ROWS = most
        test:is(queue.kick_where('many').count, 7502, 'all of them, and the three of before')
        for _, id in ipairs({ 29999, 3, 15000 }) do
            queue.bury('many', id)
        end
    end },

    { 'a page is worked on while others run', function(test)
        local timer = require('tarantella.timer')
        local monotonic_us, now, turns, done = timer.monotonic_us, timer.monotonic_us(), 0, false
        -- Each look at the clock sees a slice that is over.
        timer.monotonic_us = function()
            now = now + 10000
            return now
        end
        fiber.create(function()
            while not done do
                turns = turns + 1
                fiber.sleep(0)
            end
        end)
        queue.list('many', { state = 'buried', limit = 10 })
        test:is(turns, 4, 'after each ten thousand records')
        turns = 0
        queue.list('many', { state = 'ready', limit = 1000, preview = 200 })
        test:ok(turns >= 50, ('%d turns of others, one for each twenty payloads'):format(turns))
        done = true
        timer.monotonic_us = monotonic_us
    end },

    { 'previews are text, and short', function(test)
        local tube = made('previews', 'fifo')
        local payloads = { { user = 1 }, ('ж'):rep(50), '\255\0\27[2J', box.NULL, ('x'):rep(100000), 1e100 }
        for _, data in ipairs({ unpack(payloads, 1, 6) }) do
            tube:put(data)
        end
        tube:put(box.NULL)
        local texts = {}
        for i, task in ipairs(queue.list('previews', { preview = 20 }).tasks) do
            texts[i] = task.preview
        end
        test:is(texts[1], '{"user":1}', 'JSON')
        test:is(texts[2], '"' .. ('ж'):rep(9) .. '…', 'cut between two characters')
        test:is(texts[3], '"\\xff\\u0000\\u001b[2J…', 'nothing that moves a cursor')
        test:ok(texts[#texts - 2]:match('^<%d+ bytes>$'), 'a large one is not decoded')
        test:is(texts[#texts], 'null', 'null')
    end },

    { 'everything known of a task', function(test)
        local tube = made('known')
        tube:put({ a = 1 }, { ttr = 60, utube = 'x' })
        local session = queue.identify()
        local token = tube:take(0, { token = true })[4]
        local task = queue.get('known', 0)
        test:is_deeply(task.data, { a = 1 }, 'payload')
        test:is(task.state, 't', 'state')
        test:is(task.lease.token, token, 'token')
        test:ok(math.abs(task.lease.ends - fiber.time() - 60) < 5, 'end of the lease')
        test:is(task.lease.identity, require('digest').sha1_hex(session):sub(1, 8), 'whose, and not the uuid itself')
        test:is(task.delivered, true, 'delivered')
        refused(test, 'TASK_NOT_FOUND', queue.get, 'known', 99)
    end },

    { 'a waiting task is updated, in its row and its place', function(test)
        local tube = made('updated')
        fill('updated', 3)
        test:is_deeply(plain(queue.update('updated', 2, { pri = -1, data = { new = true } })),
            { 2, 'r', { new = true } }, 'answer')
        test:is(tube:take(0)[1], 2, 'comes first now')
        refused(test, 'TASK_WRONG_STATE', queue.update, 'updated', 2, { pri = 1 })
        test:is(queue.update('updated', 0, { delay = 100, ttl = 10 })[2], '~', 'delayed')
        local task = queue.get('updated', 0)
        test:ok(math.abs(task.dead - task.due - 10) < 0.01, 'its life begins then')
        queue.update('updated', 0, { delay = 200 })
        test:ok(math.abs(queue.get('updated', 0).dead - task.dead - 100) < 1, 'and moves with the delay')
        test:is(queue.update('updated', 0, { at = 1 })[2], 'r', 'a past moment is now')
        queue.update('updated', 0, { utube = 'l', ttr = 5 })
        queue.update('updated', 1, { utube = 'l' })
        test:is(tube:take(0)[1], 0, 'in a lane')
        test:is(tube:take(0), nil, 'of which the second waits')
        queue.update('updated', 1, { utube = box.NULL, data = box.NULL })
        local free = tube:take(0)
        test:is(free[1], 1, 'until it has left it')
        test:is(free[3], nil, 'null is a payload')
        tube:bury(1)
        test:is(queue.update('updated', 1, { pri = 9 })[2], '!', 'a buried one stays buried')
        refused(test, 'TASK_WRONG_STATE', queue.update, 'updated', 1, { delay = 1 })
        local results = queue.update_many('updated', {
            { 1, { ttl = 5 } }, { 77, { pri = 1 } }, 'x', { 1, { prj = 1 } },
        }):totable()
        test:is_deeply(results[1], { 1, '!' }, 'many')
        test:is(results[2].code .. results[3].code .. results[4].code,
            'TASK_NOT_FOUNDINVALID_ARGUMENTINVALID_ARGUMENT', 'each for itself')
    end },

    { 'tasks are promoted, kicked and released by id', function(test)
        local tube = made('by-id')
        fill('by-id', 3, { delay = 100 })
        fill('by-id', 1)
        test:is_deeply(plain(queue.promote('by-id', 0)), { 0, 'r', 1 }, 'promoted')
        local results = queue.promote('by-id', { 1, 3, 1, 99, 'x' }):totable()
        test:is_deeply(results[1], { 1, 'r' }, 'many')
        test:is(results[2].message, 'Expected task 3 to be delayed, it is ready', 'not delayed')
        test:is(results[3].code .. results[4].code .. results[5].code,
            'TASK_BUSYTASK_NOT_FOUNDINVALID_ARGUMENT', 'others')
        test:is(counts('by-id'), '3 1 0 0', 'counted')
        tube:bury(3)
        test:is(queue.kick_id('by-id', 3)[2], 'r', 'kicked')
        refused(test, 'TASK_WRONG_STATE', queue.kick_id, 'by-id', 3)
        local id
        local holder = fiber.new(function() id = tube:take(0)[1] end)
        holder:set_joinable(true)
        holder:join()
        test:is(queue.release_id('by-id', id)[2], 'r', 'released, whoever held it')
        tube:take(0)
        test:is_deeply(queue.release_id('by-id', { id }, { delay = 5 }):totable(), { { id, '~' } }, 'with a delay')
    end },

    { 'all tasks of a filter are kicked, promoted, drained', function(test)
        made('swept')
        fill('swept', 1200, { delay = 100 })
        fill('swept', 10, { utube = 'a' })
        test:is_deeply(queue.promote_where('swept', { limit = 700 }), { count = 700, more = true }, 'some')
        test:is(queue.promote_where('swept').count, 500, 'the rest')
        for id = 0, 99 do
            queue.bury('swept', id)
        end
        test:is(queue.kick_where('swept', { utube = 'a' }).count, 0, 'none of that lane')
        test:is(queue.kick_where('swept').count, 100, 'all')
        test:is(counts('swept'), '1210 0 0 0', 'ready')
        queue.take('swept', 0)
        test:is(queue.drain('swept', { utube = 'a' }).count, 10, 'one lane is drained')
        test:is(queue.drain('swept', { state = { 'delayed', 'buried' } }).count, 0, 'by state')
        test:is(queue.drain('swept').count, 1199, 'all')
        test:is(counts('swept'), '0 0 1 0', 'what is taken stays')
        refused(test, 'INVALID_ARGUMENT', queue.drain, 'swept', { state = 'taken' })
    end },

    { 'tasks move with all they have', function(test)
        made('from')
        made('to')
        queue.put('from', { x = { 1, 2 } }, { pri = 5, ttr = 9, utube = 'l', delay = 50, ttl = 70 })
        queue.put('from', 'b')
        queue.put('from', 'c')
        queue.bury('from', 1)
        local before = queue.get('from', 0)
        local result = queue.move('from', 'to', { ids = { 0, 1, 55 } })
        test:is_deeply(result, { count = 2, more = false, full = false, tasks = { { 0, 0 }, { 1, 1 } } }, 'two moved')
        local after = queue.get('to', 0)
        test:is_deeply({ after.data, after.pri, after.ttr, after.utube, after.state },
            { { x = { 1, 2 } }, 5, 9, 'l', '~' }, 'payload and options')
        test:ok(math.abs(after.due - before.due) < 0.01 and math.abs(after.dead - before.dead) < 0.1, 'moments')
        test:is(queue.get('to', 1).state, '!', 'a buried one stays buried')
        test:is(queue.get('to', 1).dead, nil, 'and one without an end of life has none')
        test:is(queue.move('to', 'from', { state = 'buried', kick = true }).count, 1, 'back')
        test:is(counts('from') .. ', ' .. counts('to'), '2 0 0 0, 0 1 0 0', 'kicked')
        fill('from', 1500)
        result = queue.move('from', 'to', { limit = 1400 })
        test:is_deeply({ result.count, result.more, result.tasks }, { 1400, true, nil }, 'many, without a list')
        queue.take('from', 0)
        test:is(queue.move('from', 'to', { state = { 'ready', 'delayed' } }).count, 101, 'not what is taken')
        refused(test, 'TUBE_NOT_FOUND', queue.move, 'from', 'nowhere', { limit = 1 })
        refused(test, 'INVALID_ARGUMENT', queue.move, 'from', 'from', { limit = 1 })
        refused(test, 'INVALID_ARGUMENT', queue.move, 'from', 'to', {})
        refused(test, 'INVALID_ARGUMENT', queue.move, 'from', 'to', { ids = { 1 }, limit = 1 })
    end },

    { 'a move ends where there is no room', function(test)
        made('wide', 'fifottl')
        made('narrow', 'limfifottl', { capacity = 3 })
        fill('wide', 5)
        local result = queue.move('wide', 'narrow', { limit = 10 })
        test:is_deeply({ result.count, result.full, result.more }, { 3, true, true }, 'three')
        test:is(counts('wide') .. ', ' .. counts('narrow'), '2 0 0 0, 3 0 0 0', 'none lost, none twice')
    end },

    { 'in a transaction changes come with its commit, or not at all', function(test)
        made('one')
        made('other')
        fill('one', 4, { delay = 100 })
        for _, finish in ipairs({ 'rollback', 'commit' }) do
            box.begin()
            queue.update('one', 0, { pri = 7, utube = 'z' })
            queue.promote('one', { 1 })
            queue.move('one', 'other', { ids = { 2 } })
            queue.drain('one')
            test:is(counts('one'), '0 4 0 0', 'takes see nothing of it before')
            box[finish]()
            test:is(counts('one') .. ', ' .. counts('other'),
                finish == 'commit' and '1 1 0 0, 0 1 0 0' or '0 4 0 0, 0 0 0 0', finish)
        end
        refused(test, 'TASK_NOT_FOUND', queue.get, 'one', 3)
        refused(test, 'INVALID_ARGUMENT', function()
            box.begin()
            local ok, cause = pcall(queue.alter, 'one', { pri = 1 })
            box.rollback()
            if not ok then error(cause, 0) end
        end)
    end },

    { 'sessions and waiting takes', function(test)
        made('who')
        fill('who', 3)
        local net_box = require('net.box')
        box.schema.user.grant('guest', 'super', nil, nil, { if_not_exists = true })
        local conn = net_box.connect(box.info.listen or box.cfg.listen)
        conn:call('queue.take_many', { 'who', 2, 0 })
        conn:call('queue.take_many', { 'who', 2, 0 })
        local waiting = fiber.new(function() conn:call('queue.take', { 'who', 60 }) end)
        waiting:set_joinable(true)
        local lane = fiber.new(function() conn:call('queue.take', { 'who', 60, { utube = 'l' } }) end)
        lane:set_joinable(true)
        fixture.eventually('both wait', function() return queue.waiters('who').total == 2 end)
        local waiters = queue.waiters('who').waiters
        test:is(waiters[1].peer:match('^127%.0%.0%.1:%d+$'), waiters[1].peer, 'peer')
        test:is_deeply({ waiters[1].n, waiters[1].utube, waiters[2].utube }, { 1, nil, 'l' }, 'what they wait for')
        local mine
        for _, session in ipairs(queue.sessions().sessions) do
            mine = session.session == waiters[1].session and session or mine
        end
        test:is_deeply({ mine.taken, mine.tubes, mine.waiting, #mine.connections }, { 3, { who = 3 }, 2, 1 }, 'session')
        test:is(#queue.sessions({ limit = 1 }).sessions, 1, 'by pages')
        refused(test, 'TUBE_IN_USE', queue.obliterate, 'who')
        test:is(queue.obliterate('who', { force = true }), 3, 'obliterated')
        waiting:join()
        lane:join()
        test:is(queue.tube('who'), false, 'gone')
        test:is(box.space.who, nil, 'with its space')
        conn:close()
    end },

    { 'tubes and their options', function(test)
        made('optional', 'utubettl', { ttr = 60 })
        fill('optional', 4, { utube = 'l' })
        local all = {}
        local after
        repeat
            local page = queue.tubes({ limit = 3, after = after })
            for _, tube in ipairs(page.tubes) do
                all[tube.name] = tube
            end
            after = page.next
        until after == nil
        test:is(all.optional.tasks.ready, 4, 'counts')
        test:is(all.optional.opts.ttr, 60, 'options')
        test:is(all.narrow.opts.capacity, 3, 'of all')
        local tube = queue.tube.optional
        tube:take(0)
        test:is(tube:take(0), nil, 'a busy lane')
        test:is(queue.alter('optional', { lane_limit = 2, ttr = 5, ttl = 100, pri = 4 }).opts.lane_limit, 2, 'altered')
        test:is(tube:take(0)[1], 1, 'has room at once')
        test:is(queue.get('optional', 1).ttr, 5, 'ttr')
        local id = tube:put('x')[1]
        test:is(queue.get('optional', id).pri, 4, 'pri')
        test:ok(queue.get('optional', id).dead, 'ttl')
        queue.alter('optional', { ttl = box.NULL, pri = box.NULL })
        test:is(queue.get('optional', tube:put('x')[1]).dead, nil, 'back to the default')
        test:is(tube.opts.lane_limit, 2, 'the object of the tube knows')
        box.cfg({ read_only = true })
        fixture.eventually('the queue waits', function() return queue.state() == 'WAITING' end)
        box.cfg({ read_only = false })
        fixture.eventually('the queue runs', function() return queue.state() == 'RUNNING' end)
        test:is(queue.tube.optional.raw.ttr_us, 5000000, 'after a promotion too')
        test:is(queue.alter('narrow', { capacity = 4 }).opts.capacity, 4, 'a capacity')
        refused(test, 'INVALID_ARGUMENT', queue.alter, 'optional', { capacity = 4 })
        refused(test, 'INVALID_ARGUMENT', queue.alter, 'narrow', { lane_limit = 4 })
        refused(test, 'INVALID_ARGUMENT', queue.alter, 'optional', {})
        refused(test, 'INVALID_ARGUMENT', queue.alter, 'optional', { engine = 'vinyl' })
    end },

    { 'bad input is refused with what was expected', function(test)
        made('bad', 'fifo')
        for _, call in ipairs({
            { queue.list, 'bad', { state = 'redy' } }, { queue.list, 'bad', { limit = 1001 } },
            { queue.list, 'bad', { after = -1 } }, { queue.list, 'bad', { utube = 'x' } },
            { queue.list, 'bad', { preview = 5000 } }, { queue.list, 'bad', { stat = 1 } },
            { queue.list, 'bad', { state = {} } }, { queue.list, 'bad', 5 }, { queue.get, 'bad', 'x' },
            { queue.update, 'bad', 0, {} }, { queue.update, 'bad', 0, { pri = 1 } },
            { queue.update, 'bad', 0, { key = 1 } }, { queue.promote, 'bad', 1.5 },
            { queue.release_id, 'bad', 0, { delay = 1 } }, { queue.move, 'bad', 5, {} },
            { queue.obliterate, 'bad', { force = 1 } }, { queue.sessions, { limit = 0 } },
            { queue.tubes, { after = 5 } }, { queue.find_lane, 'bad' },
        }) do
            refused(test, 'INVALID_ARGUMENT', unpack(call, 1, 4))
        end
        refused(test, 'TUBE_NOT_FOUND', queue.list, 'nope')
    end },

    { 'what other abilities keep of a task goes with it', function(test)
        made('keyed', 'fifottl', { dedup = true, aging = 10 })
        made('keyed-too', 'fifottl', { dedup = true })
        queue.put('keyed', 'a', { key = 'k', pri = 5 })
        queue.put('keyed', 'b', { key = 'l', pri = 9 })
        queue.put('keyed-too', 'c', { key = 'l' })
        test:is_deeply({ queue.get('keyed', 0).pri, queue.get('keyed', 0).key }, { 5, 'k' }, 'priority and key')
        queue.update('keyed', 1, { pri = 1 })
        test:is(queue.take('keyed', 0)[1], 1, 'an update is of the priority, which the wait is added to')
        test:is(queue.list('keyed').tasks[2].pri, 1, 'and it says so')
        queue.release('keyed', 1)
        test:is_deeply(queue.move('keyed', 'keyed-too', { limit = 9 }).tasks, { { 0, 1 } }, 'a key that is taken stays')
        test:is(queue.find('keyed-too', { key = 'k' })[1], 1, 'the other one is found there')
        test:is(queue.find('keyed', { key = 'k' }), nil, 'and not here')
        test:is(queue.get('keyed-too', 1).pri, 5, 'with its priority')
    end },

    { 'tasks of a flow are listed, and stay where they are', function(test)
        made('flows', 'fifottl', { flows = true })
        queue.put_flow({ tube = 'flows', data = 'parent', children = { { tube = 'flows', data = 'child' } } })
        local parent = queue.list('flows', { state = 'waiting' }).tasks[1]
        test:is_deeply({ parent.state, parent.data }, { 'w', 'parent' }, 'a parent waits')
        test:is(#queue.list('flows').tasks, 2, 'among all')
        test:is(queue.move('flows', 'to', { limit = 9 }).count, 0, 'neither moves')
        test:is(queue.move('flows', 'to', { ids = { parent.id } }).count, 0, 'not by its id')
        refused(test, 'TASK_WRONG_STATE', queue.update, 'flows', parent.id, { pri = 1 })
        refused(test, 'INVALID_ARGUMENT', queue.drain, 'flows', { state = 'waiting' })
    end },

    { 'vinyl tubes are listed, updated and moved', function(test)
        made('slow', 'utubettl', { engine = 'vinyl' })
        made('slower', 'fifottl', { engine = 'vinyl' })
        fill('slow', 3, { utube = 'a', delay = 9 })
        test:is_deeply(ids_of(queue.list('slow', { reverse = true })), { 2, 1, 0 }, 'listed')
        test:is(queue.update('slow', 1, { pri = 2, data = 'new', utube = 'b' })[3], 'new', 'updated')
        test:is(queue.promote('slow', 0)[2], 'r', 'promoted')
        test:is(queue.move('slow', 'slower', { state = 'delayed' }).count, 2, 'moved')
        test:is(counts('slow') .. ', ' .. counts('slower'), '1 0 0 0, 0 2 0 0', 'counted')
        refused(test, 'INVALID_ARGUMENT', queue.move, 'slow', 'to', { limit = 1 })
    end },
})
