#!/usr/bin/env tarantool
-- Recurring schedules: one task a tick, over restarts, clock steps and a crash.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local instance = require('instance')
local queue = fixture.queue({ log_level = 3 })
local fiber = require('fiber')
local timer = require('tarantella.timer')
local run = require('tarantella.ability.schedule_run').run

-- Seconds since 1970 that the tests move; the timer's fiber stands still.
local START = 1700000000
local now = START
local function stop_the_clock()
    timer.stop()
    timer.wall_us = function() return now * 1000000 end
end

local tube = queue.create_tube('t', 'fifottl')
stop_the_clock()

-- Lets the timer do all that is due.
local function work()
    for _ = 1, 1000 do
        if run() ~= 0 then
            return
        end
    end
    error('the timer does not come to an end')
end

-- 'schedule tick' of all tasks, ticks counted from START, in order of id; the tasks go.
local function put_ticks(of)
    local list = {}
    for _, row in (of or tube).raw.space:pairs() do
        table.insert(list, ('%s %s'):format(row.meta.schedule, row.meta.tick and row.meta.tick - START or 'now'))
    end
    (of or tube):truncate()
    return table.concat(list, ', ')
end

local function pass(seconds)
    now = now + seconds
    work()
end

local function fresh()
    for _, s in ipairs(queue.schedules({ limit = 1000 })) do
        queue.unschedule(s.name)
    end
    tube:truncate()
    now = START
end

local function moments(...)
    local list = {}
    for i, offset in ipairs({ ... }) do
        list[i] = START + offset
    end
    return list
end

local function refused(test, what, ...)
    local code, text = fixture.code_of(...)
    test:is(code, 'INVALID_ARGUMENT', ('%s: %s'):format(what, tostring(text)))
end

fixture.run('schedules', {
    { 'a period puts a task after each', function(test)
        local s = queue.schedule('tick', { tube = 't', data = { a = 1 }, every = 10, opts = { pri = 3 } })
        test:is(s.next, START + 10, 'the first comes after one period')
        test:is(s.state .. s.kind .. s.catch_up, 'activeeverylast', 'state, kind, catch_up')
        pass(9.9)
        test:is(put_ticks(), '', 'not before')
        pass(0.1)
        local task = tube:take(0)
        test:is_deeply(task[3], { a = 1 }, 'its data')
        test:is(tube.raw.space:get(task[1]).pri, 3, 'its options')
        tube:release(task[1])
        test:is(put_ticks(), 'tick 10', 'at its tick')
        work()
        test:is(put_ticks(), '', 'once')
        s = queue.schedule_get('tick')
        test:is_deeply({ s.last, s.next, s.count, s.data }, { START + 10, START + 20, 1, { a = 1 } }, 'what is told')
        test:is(queue.schedule_get('tock'), nil, 'of another one nothing')
    end },
    { 'a period is counted from its anchor', function(test)
        fresh()
        queue.schedule('future', { tube = 't', every = 100, anchor = START + 30 })
        queue.schedule('past', { tube = 't', every = 100, at = START - 50 })
        pass(29)
        pass(1)
        pass(20)
        pass(80)
        test:is(put_ticks(), 'future 30, past 50, future 130', 'ticks')
    end },
    { 'a list of ticks is done one by one, and topped up', function(test)
        fresh()
        local s = queue.schedule('cron', { tube = 't', ticks = moments(10, 20, 35), cron = '* * *', tz = 'UTC' })
        test:is_deeply({ s.ticks_left, s.last_known, s.cron, s.tz }, { 3, START + 35, '* * *', 'UTC' }, 'told')
        pass(20)
        pass(0)
        test:is(put_ticks(), 'cron 20', 'the newest of two')
        local list = moments(10, 20, 30, 35, 40)
        test:is_deeply(queue.schedule_top_up('cron', list), { added = 1, ticks_left = 2, last_known = START + 40 },
            'only what is later than all is added')
        test:is(queue.schedule_top_up('cron', list).added, 0, 'once')
        pass(15)
        pass(60)
        test:is(put_ticks(), 'cron 35, cron 40', 'ticks')
        test:is(queue.schedule_get('cron').state, 'dry', 'no tick is left')
        queue.schedule_top_up('cron', moments(100))
        pass(5)
        test:is(put_ticks(), 'cron 100', 'goes on')
    end },
    { 'after a time without work: none, the last or all of the ticks', function(test)
        fresh()
        queue.schedule('a', { tube = 't', every = 100, catch_up = 'all' })
        queue.schedule('l', { tube = 't', every = 100, catch_up = 'last' })
        queue.schedule('n', { tube = 't', every = 100, catch_up = 'none', grace = 20 })
        pass(350)
        test:is(put_ticks(), 'a 100, a 200, a 300, l 300', 'none is too late')
        pass(60)
        test:is(put_ticks(), 'a 400, l 400, n 400', 'none is late by less than its grace')
        queue.unschedule('l')
        queue.unschedule('n')
        pass(100000)
        local all = put_ticks()
        test:ok(all:find('a 500, a 600', 1, true) and all:find('a 100400$'), 'a thousand')
        test:is(select(2, all:gsub('a ', '')), 1000, 'no less')
    end },
    { 'a clock that is set back puts nothing again', function(test)
        fresh()
        queue.schedule('a', { tube = 't', every = 10, catch_up = 'all' })
        pass(40)
        test:is(put_ticks(), 'a 10, a 20, a 30, a 40', 'ticks')
        pass(-25)
        pass(25)
        test:is(put_ticks(), '', 'the same ticks')
        pass(10)
        test:is(put_ticks(), 'a 50', 'the next')
    end },
    { 'a limit and an end', function(test)
        fresh()
        queue.schedule('few', { tube = 't', every = 10, limit = 2, catch_up = 'all' })
        queue.schedule('short', { tube = 't', every = 10, ends = START + 25 })
        pass(100)
        test:is(put_ticks(), 'few 10, few 20, short 20', 'ticks')
        test:is(queue.schedule_get('few').state .. queue.schedule_get('short').state, 'endedended', 'both are over')
        queue.schedule('few', { tube = 't', every = 10, limit = 2 })
        pass(100)
        test:is(put_ticks(), '', 'saying the same again does not begin anew')
        queue.schedule('few', { tube = 't', every = 20, limit = 2 })
        pass(20)
        test:is(put_ticks(), 'few 220', 'another period does')
    end },
    { 'a schedule that is said again goes on if its time is the same', function(test)
        fresh()
        queue.schedule('s', { tube = 't', every = 10, data = 1 })
        pass(8)
        queue.schedule('s', { tube = 't', every = 10, data = 2 })
        pass(2)
        test:is(tube:take(0)[3], 2, 'the tick stays, the data is the new one')
        tube:release(tube.raw.space.index[0]:max()[1])
        test:is(put_ticks(), 's 10', 'tick')
        queue.schedule('c', { tube = 't', cron = 'x', ticks = moments(15, 25) })
        now = now + 6
        queue.schedule('c', { tube = 't', cron = 'x', ticks = moments(25, 35) })
        work()
        test:is(put_ticks(), 'c 15', 'a tick that was due is not lost')
        queue.schedule('c', { tube = 't', cron = 'x', ticks = moments(15, 25, 35) })
        work()
        test:is(put_ticks(), '', 'nor put again')
        queue.schedule('c', { tube = 't', cron = 'y', ticks = moments(50) })
        pass(20)
        test:is(put_ticks(), 's 30', 'another cron has other ticks')
        test:is(queue.schedule('s', { tube = 't', every = 99, if_exists = 'keep' }).every, 10, 'keep')
        test:is(fixture.code_of(queue.schedule, 's', { tube = 't', every = 99, if_exists = 'error' }),
            'SCHEDULE_EXISTS', 'error')
    end },
    { 'pause passes the ticks over, run puts one now', function(test)
        fresh()
        queue.schedule('p', { tube = 't', every = 10, catch_up = 'all' })
        test:is(queue.schedule_pause('p').state, 'paused', 'paused')
        pass(55)
        test:is(put_ticks(), '', 'nothing')
        test:is(queue.schedule_run('p')[2], 'r', 'a task now')
        queue.schedule('p', { tube = 't', every = 10, catch_up = 'all' })
        test:is(queue.schedule_resume('p').next, START + 60, 'the first from now on')
        pass(10)
        test:is(put_ticks(), 'p now, p 60', 'and the tick')
        test:is(queue.unschedule('p'), true, 'gone')
        test:is(queue.unschedule('p'), false, 'already')
        test:is(fixture.code_of(queue.schedule_run, 'p'), 'SCHEDULE_NOT_FOUND', 'no run')
        test:is(fixture.code_of(queue.schedule_top_up, 'p', {}), 'SCHEDULE_NOT_FOUND', 'no top up')
    end },
    { 'a tube that is gone or full holds up nobody else', function(test)
        fresh()
        local other = queue.create_tube('other', 'fifo')
        local full = queue.create_tube('full', 'limfifottl', { capacity = 1 })
        full:put('x')
        queue.schedule('gone', { tube = 'other', every = 10 })
        queue.schedule('stuck', { tube = 'full', every = 10, catch_up = 'all' })
        queue.schedule('well', { tube = 't', every = 10 })
        other:drop()
        pass(10)
        test:is(put_ticks(), 'well 10', 'the others')
        local s = queue.schedule_get('gone')
        test:is_deeply({ s.errors, s.error, s.count }, { 1, 'TUBE_NOT_FOUND: Tube other not found', 0 }, 'gone')
        s = queue.schedule_get('stuck')
        test:is_deeply({ s.errors, s.error }, { 1, 'QUEUE_FULL: Tube full has its capacity of 1 tasks' }, 'full')
        pass(0.5)
        test:is(queue.schedule_get('stuck').errors, 1, 'not tried at once')
        pass(0.5)
        pass(2)
        test:is(queue.schedule_get('stuck').errors, 3, 'but after one second, and after two')
        local warnings = table.concat(queue.health().warnings, ' ')
        test:ok(warnings:find('2 schedules cannot put their tasks: gone, stuck', 1, true), 'health says so')
        full:truncate()
        queue.create_tube('other', 'fifo')
        pass(4)
        test:is(put_ticks(full), 'stuck 10', 'when there is room')
        test:is(put_ticks(queue.tube.other), 'gone 10', 'when it is there')
        test:is(queue.schedule_get('stuck').errors, 0, 'well again')
        queue.tube.other:drop()
        full:truncate()
        full:drop()
    end },
    { 'health tells of a list that runs out', function(test)
        fresh()
        local function warned()
            return table.concat(queue.health().warnings, ' '):find('running out', 1, true) ~= nil
        end
        local list = {}
        for i = 1, 30 do
            list[i] = START + i * 1000
        end
        queue.schedule('c', { tube = 't', ticks = list })
        test:is(warned(), false, '30 are left')
        pass(20000)
        test:is(warned(), false, '10 are left')
        pass(1000)
        test:is(warned(), true, '9 are left')
        queue.schedule_top_up('c', moments(31000, 32000, 1000000))
        test:is(warned(), false, 'topped up')
        queue.schedule_pause('c')
        pass(20000)
        test:is(warned(), false, 'a paused one runs nowhere')
        queue.schedule_resume('c')
        test:is(warned(), true, 'now it does')
        queue.schedule('c', { tube = 't', ticks = moments(50000), ends = START + 50000 })
        test:is(warned(), false, 'the last one of all')
    end },
    { 'a list of all schedules comes in pages', function(test)
        fresh()
        test:is_deeply(queue.schedules(), {}, 'none')
        for i = 1, 5 do
            queue.schedule('s' .. i, { tube = 't', every = i * 10, data = 'x' })
        end
        local page = queue.schedules({ limit = 2 })
        test:is(page[1].name .. page[2].name .. #page, 's1s22', 'the first')
        test:is(page[1].data, nil, 'without data')
        page = queue.schedules({ after = 's2' })
        test:is(page[1].name .. page[3].name .. #page, 's3s53', 'the rest')
    end },
    { 'a schedule is part of the transaction of its caller', function(test)
        fresh()
        box.begin()
        queue.schedule('rolled', { tube = 't', every = 10 })
        queue.schedule_run('rolled')
        box.rollback()
        test:is(queue.schedule_get('rolled'), nil, 'nothing stays')
        box.begin()
        queue.schedule('done', { tube = 't', every = 10 })
        queue.schedule_run('done')
        box.commit()
        pass(10)
        test:is(put_ticks(), 'done now, done 10', 'all of it')
        box.begin()
        queue.unschedule('done')
        box.rollback()
        pass(10)
        test:is(put_ticks(), 'done 20', 'it was not removed')
    end },
    { 'a key of its options keeps one task of a schedule', function(test)
        fresh()
        local keyed = queue.create_tube('keyed', 'fifottl', { dedup = true })
        queue.schedule('k', { tube = 'keyed', every = 10, catch_up = 'all', opts = { key = 'one' } })
        pass(30)
        test:is(queue.schedule_get('k').count, 3, 'three ticks')
        test:is(keyed.raw:len(), 1, 'one task')
        test:is(queue.schedule_get('k').errors, 0, 'and no error')
    end },
    { 'bad input is refused before anything happens', function(test)
        fresh()
        local function with(more)
            local s = { tube = 't', every = 10 }
            for k, v in pairs(more) do
                s[k] = v
            end
            return s
        end
        refused(test, 'no map', queue.schedule, 'x', 5)
        refused(test, 'nothing', queue.schedule, 'x')
        refused(test, 'no name', queue.schedule, nil, with({}))
        refused(test, 'an empty name', queue.schedule, '', with({}))
        refused(test, 'a long name', queue.schedule, ('x'):rep(257), with({}))
        refused(test, 'an unknown option', queue.schedule, 'x', with({ evry = 5 }))
        refused(test, 'both', queue.schedule, 'x', with({ ticks = {} }))
        refused(test, 'none of both', queue.schedule, 'x', { tube = 't' })
        refused(test, 'too often', queue.schedule, 'x', with({ every = 0.001 }))
        refused(test, 'never', queue.schedule, 'x', with({ every = 1e11 }))
        refused(test, 'NaN', queue.schedule, 'x', with({ every = 0 / 0 }))
        refused(test, 'an anchor of a list', queue.schedule, 'x', { tube = 't', ticks = {}, anchor = 5 })
        refused(test, 'ticks that are not', queue.schedule, 'x', { tube = 't', ticks = { 'a' } })
        refused(test, 'ticks out of order', queue.schedule, 'x', { tube = 't', ticks = { 5, 4 } })
        refused(test, 'equal ticks', queue.schedule, 'x', { tube = 't', ticks = { 5, 5 } })
        local many = {}
        for i = 1, 1001 do
            many[i] = i
        end
        refused(test, 'too many ticks', queue.schedule, 'x', { tube = 't', ticks = many })
        refused(test, 'catch_up', queue.schedule, 'x', with({ catch_up = 'some' }))
        refused(test, 'if_exists', queue.schedule, 'x', with({ if_exists = 'maybe' }))
        refused(test, 'limit', queue.schedule, 'x', with({ limit = 0 }))
        refused(test, 'opts', queue.schedule, 'x', with({ opts = { pry = 1 } }))
        refused(test, 'at in opts', queue.schedule, 'x', with({ opts = { at = 1 } }))
        refused(test, 'a long cron', queue.schedule, 'x', with({ cron = ('x'):rep(257) }))
        refused(test, 'data of no form', queue.schedule, 'x', with({ data = function() end }))
        refused(test, 'a page', queue.schedules, { limit = 1001 })
        test:is(fixture.code_of(queue.schedule, 'x', with({ tube = 'nowhere' })), 'TUBE_NOT_FOUND', 'no such tube')
        queue.create_tube('disk', 'fifo', { engine = 'vinyl' })
        refused(test, 'vinyl', queue.schedule, 'x', with({ tube = 'disk' }))
        test:is(#queue.schedules(), 0, 'nothing was stored')
        queue.schedule('x', with({}))
        refused(test, 'topping up a period', queue.schedule_top_up, 'x', {})
    end },
    { 'ticks that come while the instance is read-only are put by the next master', function(test)
        fresh()
        queue.schedule('a', { tube = 't', every = 10, catch_up = 'all' })
        pass(10)
        box.cfg({ read_only = true })
        fixture.eventually('the queue waits', function() return queue.state() == 'WAITING' end)
        now = now + 20
        box.cfg({ read_only = false })
        fixture.eventually('the ticks are put', function()
            return queue.state() == 'RUNNING' and tube.raw.space:len() == 3
        end)
        timer.stop()
        test:is(put_ticks(), 'a 10, a 20, a 30', 'each once')
    end },
    { 'a change wakes the timer', function(test)
        fresh()
        queue.start()
        queue.schedule('soon', { tube = 't', ticks = moments(0) })
        test:ok(tube:take(10), 'a task')
        -- For the timer to go to sleep again.
        for _ = 1, 10 do
            fiber.sleep(0)
        end
        box.atomic(queue.schedule, 'late', { tube = 't', ticks = moments(0) })
        test:ok(tube:take(10), 'by a transaction too')
        queue.tube.t:release_all()
        timer.stop()
    end },
    { 'after kill -9 no tick is lost and none is put twice', function(test)
        local EVERY = 0.05
        local folder = fixture.folder()
        local settings = { TUBES = 'ios:fifottl', ADMIN_PASSWORD = 'a' }
        local count, s = 0
        for round = 1, 3 do
            local server = instance.start(fixture.init, folder, settings)
            local admin = instance.connect(server, 'queue_admin', 'a')
            s = admin:call('queue.schedule', { 'fast', { tube = 'ios', every = EVERY, catch_up = 'all' } })
            test:ok(s.count >= count, ('round %d goes on at %d'):format(round, s.count))
            fixture.eventually('ten ticks more', function()
                s = admin:call('queue.schedule_get', { 'fast' })
                return s.count >= count + 10
            end)
            count = s.count
            instance.crash(server)
        end
        local server = instance.start(fixture.init, folder, settings)
        local admin = instance.connect(server, 'queue_admin', 'a')
        test:is(admin:call('queue.schedules', { { limit = 1 } })[1].name, 'fast', 'it is listed')
        test:ok(admin:call('queue.metrics'):find('tarantella_schedules 1\n', 1, true), 'and counted')
        s = admin:call('queue.schedule_pause', { 'fast' })
        test:is(s.count, math.floor((s.last - s.anchor) / EVERY + 0.5), 'as many tasks as ticks')
        test:is(admin:call('queue.statistics', { 'ios' }).tasks.total, s.count, 'all are there')
        instance.crash(server)
    end },
})
