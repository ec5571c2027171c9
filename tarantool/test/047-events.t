#!/usr/bin/env tarantool
-- The stream of events: each change once, in order, whatever becomes of its transaction.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local instance = require('instance')
local queue = fixture.queue({ log_level = 3 })
local fiber = require('fiber')
local eventually = fixture.eventually

local seed = tonumber(os.getenv('MODEL_SEED')) or os.time()
local STEPS = tonumber(os.getenv('MODEL_STEPS')) or 3000
math.randomseed(seed)
local random = math.random

local tube = queue.create_tube('told', 'fifottl', { events = true })
local silent = queue.create_tube('silent', 'fifottl')
local cursor = 0

-- 'id state event' of all events since the last call.
local function told(opts)
    local all = {}
    while true do
        local reply = queue.events(cursor, 1000, 0, opts)
        cursor = reply.cursor
        for _, event in ipairs(reply.events) do
            table.insert(all, ('%d %s %s'):format(event[4], event[6], event[5]))
        end
        if #reply.events < 1000 then
            return table.concat(all, ', ')
        end
    end
end

fixture.run('events', {
    { 'each change that is written is told', function(test)
        silent:put('x')
        test:is(told(), '', 'not of a tube that did not ask')
        tube:put('a')
        tube:put('b', { delay = 60 })
        tube:take(0)
        tube:touch(0, 5)
        tube:release(0, { delay = 50 })
        tube:bury(0)
        tube:kick(1)
        tube:take(0)
        tube:ack(0)
        tube:delete(1)
        test:is(told(), '0 r put, 1 ~ put, 0 ~ release, 0 ! bury, 0 r kick, 0 - ack, 1 - delete', 'in order')
        local events = queue.events(0).events
        test:is_deeply({ events[2][1], events[2][3], events[2][7] }, { 2, 'told', { delay = 60 } }, 'more of it')
        test:is(events[3][7].delay, 50, 'of a release too')
        test:ok(math.abs(events[1][2] - require('clock').realtime()) < 60, 'time')
        tube:put('c', { ttl = 0.001 })
        eventually('its life is over', function() return tube.raw:len() == 0 end)
        test:is(told(), '2 r put, 2 - ttl', 'an end by itself')
    end },
    { 'batches are told item by item, and not what was refused', function(test)
        queue.put_many('told', { { 'a' }, { 'b', { pri = 'x' } }, { 'c' } })
        local tasks = queue.take_many('told', 2, 0)
        queue.ack_many('told', { { tasks[1][1] }, { 99 }, { tasks[2][1] } })
        test:is(told(), '3 r put, 4 r put, 3 - ack, 4 - ack', 'events')
    end },
    { 'a tube tells what it was asked for', function(test)
        local some = queue.create_tube('some', 'fifottl', { events = { 'touch', 'ack' } })
        some:put('x')
        some:take(0)
        some:touch(0, 1)
        some:ack(0)
        test:is(told({ tube = 'some' }), '0 t touch, 0 - ack', 'only that')
        some:drop()
    end },
    { 'a transaction is told when it is committed, in the order of the numbers', function(test)
        box.begin()
        tube:put('x')
        test:is(#queue.events(cursor).events, 0, 'not yet')
        box.rollback()
        test:is(told(), '', 'nothing')
        local before = cursor
        box.begin()
        tube:put('y')
        box.commit()
        test:ok(told():match('^%d+ r put$'), 'now')
        test:ok(cursor > before, 'the cursor moves')
        tube:truncate()
    end },
    { 'a rolled back event does not move the cursor', function(test)
        tube:put('z')
        told()
        box.begin()
        tube:put('x')
        box.rollback()
        test:is(queue.events(cursor).cursor, cursor, 'where it was')
        tube:put('z')
        test:ok(told():match('^%d+ r put$'), 'goes on')
        tube:truncate()
    end },
    { 'what is not committed yet is not read, nor is anything behind it', function(test)
        -- While the WAL is written others see the row.
        local ended = fiber.channel(2)
        fiber.create(function()
            tube:put('slow')
            ended:put(true)
        end)
        local seen = #queue.events(cursor).events
        fiber.create(function()
            tube:put('next')
            ended:put(true)
        end)
        local seen_after = #queue.events(cursor).events
        ended:get()
        ended:get()
        test:is(seen .. ' ' .. seen_after, '0 0', 'nothing before the commit')
        test:is(select(2, told():gsub('put', '')), 2, 'both after it')
        tube:truncate()
    end },
    { 'a reader waits for events, and is told at once', function(test)
        local got = fiber.channel(1)
        fiber.create(function() got:put(queue.events(cursor, 10, 10)) end)
        silent:put('x')
        test:is(got:get(0.01), nil, 'still waiting')
        tube:put('x')
        local reply = got:get(10)
        test:is(#reply.events, 1, 'the event')
        cursor = reply.cursor
        test:is(#queue.events(cursor, 10, 0.01).events, 0, 'a timeout gives none')
        fiber.create(function() got:put(queue.events(nil, 10, 10)) end)
        tube:put('y')
        test:is(#got:get(10).events, 1, 'without a cursor: from now on')
        tube:truncate()
        told()
    end },
    { 'a watcher is told by a broadcast', function(test)
        if box.broadcast == nil then
            return test:skip('this server has none')
        end
        local key
        local watcher = box.watch('tarantella.events.told', function(_, value) key = value end)
        tube:put('x')
        told()
        eventually('the broadcast', function() return key == cursor end)
        watcher:unregister()
        test:ok(true, 'with the number')
    end },
    { 'the stream is trimmed, and a reader that is late is told', function(test)
        local short = queue.create_tube('short', 'fifo', { events = { 'put' }, events_keep = 100 })
        local items = {}
        for i = 1, 1500 do
            items[i] = { i }
        end
        local before = cursor
        queue.put_many('short', items)
        eventually('it is trimmed', function()
            return box.space._tarantella_event.index.tube:count({ 'short' }) == 100
        end)
        test:is(tube.raw.opts.events, true, 'another tube')
        test:ok(box.space._tarantella_event.index.tube:count({ 'told' }) > 10, 'keeps its own')
        local reply = queue.events(before, 10, 0, { tube = 'short' })
        test:is(reply.gap, true, 'a gap')
        test:is(#reply.events, 10, 'and what is there')
        reply = queue.events(reply.cursor, 1000, 0, { tube = 'short' })
        test:is(reply.gap, false, 'no gap behind it')
        test:is(#reply.events, 90, 'the rest')
        test:is(queue.events(before, 10, 0, { tube = 'told' }).gap, false, 'nor for the other tube')
        test:is(queue.events(before).gap, true, 'but for all of them')
        test:is(queue.events(1e15).gap, true, 'a cursor of elsewhere')
        test:is(queue.events(1e15).cursor, queue.events().cursor, 'begins at the end')
        short:drop()
        eventually('its events are gone', function()
            return box.space._tarantella_event.index.tube:count({ 'short' }) == 0
        end)
        told()
    end },
    { 'the cursor holds over a change of the role', function(test)
        tube:put('x')
        local got = fiber.channel(1)
        fiber.create(function() got:put(queue.events(nil, 10, 10)) end)
        box.cfg({ read_only = true })
        test:is(#got:get(10).events, 0, 'who waits is let go')
        eventually('the queue waits', function() return queue.state() == 'WAITING' end)
        test:is(fixture.code_of(queue.events, cursor), 'QUEUE_NOT_RUNNING', 'not running')
        box.cfg({ read_only = false })
        eventually('the queue runs', function() return queue.state() == 'RUNNING' end)
        tube:put('y')
        test:is(select(2, told():gsub('put', '')), 2, 'both are told')
        tube:truncate()
    end },
    { 'a newer copy of the module goes on with the stream', function(test)
        tube:put('x')
        local got = fiber.channel(1)
        fiber.create(function() got:put(queue.events(nil, 10, 10)) end)
        local older = package.loaded
        for name in pairs(table.copy(older)) do
            if name:match('^tarantella') then
                older[name] = nil
            end
        end
        queue = require('tarantella')
        rawset(_G, 'queue', queue)
        tube = queue.tube.told
        test:is(#got:get(10).events, 0, 'who waits is let go')
        tube:put('y')
        test:is(select(2, told():gsub('put', '')), 2, 'both are told')
        tube:truncate()
    end },
    { 'bad input', function(test)
        local function refused(what, ...)
            local code, text = fixture.code_of(...)
            test:is(code, 'INVALID_ARGUMENT', ('%s: %s'):format(what, tostring(text)))
        end
        refused('a cursor', queue.events, 'x')
        refused('a negative one', queue.events, -1)
        refused('a limit', queue.events, 0, 1001)
        refused('a timeout', queue.events, 0, 1, -1)
        refused('an option', queue.events, 0, 1, 0, { tub = 'x' })
        refused('a silent tube', queue.events, 0, 1, 0, { tube = 'silent' })
        test:is(fixture.code_of(queue.events, 0, 1, 0, { tube = 'nowhere' }), 'TUBE_NOT_FOUND', 'no tube')
        refused('no list', queue.create_tube, 'bad', 'fifo', { events = 5 })
        refused('takes', queue.create_tube, 'bad', 'fifo', { events = { 'take' } })
        refused('an empty list', queue.create_tube, 'bad', 'fifo', { events = {} })
        refused('how many', queue.create_tube, 'bad', 'fifo', { events = true, events_keep = 0 })
        refused('how many of none', queue.create_tube, 'bad', 'fifo', { events_keep = 5 })
        refused('vinyl', queue.create_tube, 'bad', 'fifo', { events = true, engine = 'vinyl' })
    end },
    { ('the stream is what was done, seed %d'):format(seed), function(test)
        told()
        local expected, pending, ids = {}, {}, {}
        local function expect(id, what)
            table.insert(pending, ('%d %s'):format(id, what))
        end
        local steps = {
            function()
                local id = tube:put('x', random(2) == 1 and { delay = 1000 } or nil)
                table.insert(ids, id[1])
                expect(id[1], id[2] .. ' put')
            end,
            function()
                local results = queue.put_many('told', { { 1 }, { 2, { pri = 'x' } }, { 3 } })
                for i = 1, 3, 2 do
                    table.insert(ids, results[i][1])
                    expect(results[i][1], 'r put')
                end
            end,
            function()
                local id = ids[random(math.max(1, #ids))]
                if id ~= nil and pcall(tube.delete, tube, id) then
                    expect(id, '- delete')
                end
            end,
            function()
                local id = ids[random(math.max(1, #ids))]
                local n = id ~= nil and tube.raw.sched:find(id) or 0
                if n ~= 0 and tube.raw.sched:letter(n) ~= '!' and pcall(tube.bury, tube, id) then
                    expect(id, '! bury')
                end
            end,
            function()
                local task = not box.is_in_txn() and tube:take(0) or nil
                if task ~= nil then
                    tube:ack(task[1])
                    expect(task[1], '- ack')
                end
            end,
        }
        local problem
        for step = 1, STEPS do
            local how = random(4)
            if how == 1 then
                box.begin()
            end
            steps[random(#steps)]()
            if how == 1 and random(2) == 1 then
                box.rollback()
                pending = {}
            elseif how == 1 then
                box.commit()
            end
            for _, line in ipairs(pending) do
                table.insert(expected, line)
            end
            pending = {}
            if random(300) == 1 then
                queue.start()
            end
            if random(10) == 1 then
                local got, want = told(), table.concat(expected, ', ')
                expected = {}
                if got ~= want then
                    problem = ('step %d: %s, expected %s; MODEL_SEED=%d'):format(step, got, want, seed)
                    break
                end
            end
            if #ids > 100 then
                ids = { unpack(ids, 50) }
            end
        end
        test:is(problem, nil, ('%d steps'):format(STEPS))
    end },
    { 'after kill -9 the stream tells of each task that is there', function(test)
        local folder = fixture.folder()
        local settings = { ADMIN_PASSWORD = 'a' }
        local at, puts = 0, 0
        for round = 1, 3 do
            local server = instance.start(fixture.init, folder, settings)
            local admin = instance.connect(server, 'queue_admin', 'a')
            admin:call('queue.create_tube', { 't', 'fifo', { events = true, if_not_exists = true } })
            local confirmed = 0
            for _ = 1, 5 do
                fiber.create(function()
                    while pcall(admin.call, admin, 'queue.put', { 't', 'x' }) do
                        confirmed = confirmed + 1
                    end
                end)
            end
            eventually('some are confirmed', function() return confirmed >= 50 end)
            local reply = admin:call('queue.events', { at, 20 })
            at, puts = reply.cursor, puts + #reply.events
            instance.crash(server)
            server = instance.start(fixture.init, folder, settings)
            admin = instance.connect(server, 'queue_admin', 'a')
            repeat
                reply = admin:call('queue.events', { at, 1000 })
                at, puts = reply.cursor, puts + #reply.events
            until #reply.events == 0
            local tasks = admin:call('queue.statistics', { 't' }).tasks.total
            test:is(puts, tasks, ('round %d: as many as tasks'):format(round))
            instance.crash(server)
        end
    end },
})
