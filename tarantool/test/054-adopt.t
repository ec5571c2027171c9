#!/usr/bin/env tarantool
-- Tubes of tarantool/queue are taken over, with all their tasks, and given back.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local fio = require('fio')
local fiber = require('fiber')
local popen = require('popen')
local queue = fixture.queue()
local code_of = fixture.code_of

local YEARS = 365 * 86400 * 100
local NO_LIMIT = YEARS * 1000000

-- The spaces as tarantool/queue 1.5 makes them.
local TTL = { { 'task_id', 'unsigned' }, { 'status', 'string' }, { 'next_event', 'unsigned' }, { 'ttl', 'unsigned' },
    { 'ttr', 'unsigned' }, { 'pri', 'unsigned' }, { 'created', 'unsigned' } }
local FORMATS = {
    fifo = { { 'task_id', 'unsigned' }, { 'status', 'string' }, { 'data', '*' } },
    utube = { { 'task_id', 'unsigned' }, { 'status', 'string' }, { 'utube', 'string' }, { 'data', '*' } },
}
for kind, more in pairs({ fifottl = {}, limfifottl = {}, utubettl = { { 'utube', 'string' } } }) do
    FORMATS[kind] = table.copy(TTL)
    for _, field in ipairs(more) do
        table.insert(FORMATS[kind], field)
    end
    table.insert(FORMATS[kind], { 'data', '*' })
end

local function make_list()
    local list = box.schema.space.create('_queue', { format = {
        { name = 'tube_name', type = 'string' }, { name = 'tube_id', type = 'unsigned' },
        { name = 'space_name', type = 'string' }, { name = 'tube_type', type = 'string' },
        { name = 'opts', type = '*' },
    } })
    list:create_index('tube', { parts = { 1, 'string' } })
    list:create_index('tube_id', { parts = { 2, 'unsigned' } })
end

local number = 0
local function make_tube(name, kind, opts, rows)
    number = number + 1
    local format = {}
    for i, field in ipairs(FORMATS[kind] or FORMATS.fifo) do
        format[i] = { name = field[1], type = field[2] }
    end
    local space = box.schema.space.create(name, { format = format, engine = opts.engine })
    space:create_index('task_id', { parts = { 1, 'unsigned' } })
    space:create_index('status', { parts = { 2, 'string', 1, 'unsigned' } })
    box.space._queue:insert({ name, number, name, kind, opts })
    for _, row in ipairs(rows) do
        space:insert(row)
    end
    return space
end

local function by_name(reports)
    local all = {}
    for _, report in ipairs(reports) do
        all[report.tube] = report
    end
    return all
end

local now = math.floor(fiber.time() * 1000000)
local PAYLOAD = { a = { 1, 'x', box.NULL }, b = 2 ^ 53 }

local function make_all()
    make_tube('plain', 'fifo', {}, { { 0, 'r', 'zero' }, { 1, 't', PAYLOAD }, { 2, '!', 'two' }, { 7, 'r', 7 } })
    make_tube('timed', 'fifottl', { ttl = YEARS, ttr = 60, pri = 0 }, {
        { 0, 'r', now + NO_LIMIT, NO_LIMIT, 60000000, 5, now, 'late' },
        { 1, 'r', now + NO_LIMIT, NO_LIMIT, NO_LIMIT, 1, now, 'first' },
        { 2, '~', now + 3600 * 1000000, NO_LIMIT, 1000, 0, now, 'delayed' },
        { 3, 'r', now + 1, 1000, 1000, 0, now - 2000, 'expired' },
        { 4, 't', now + 1, NO_LIMIT, 1000, 2, now, 'taken' },
    })
    make_tube('lanes', 'utubettl', { ttl = YEARS, storage_mode = 'ready_buffer' }, {
        { 0, 'r', now + NO_LIMIT, NO_LIMIT, NO_LIMIT, 0, now, 'a', 1 },
        { 1, 'r', now + NO_LIMIT, NO_LIMIT, NO_LIMIT, 0, now, 'a', 2 },
        { 2, 'r', now + NO_LIMIT, NO_LIMIT, NO_LIMIT, 0, now, 'nil', 3 },
    })
    make_tube('disk', 'utube', { engine = 'vinyl' }, { { 3, 'r', 'x', 'on disk' } })
    make_tube('odd', 'mydriver', {}, {})
    make_tube('standing', 'fifo', {}, {})
end

local function datas(tube)
    local all = {}
    for task in function() return queue.tube[tube]:take(0) end do
        table.insert(all, ('%d %s'):format(task[1], tostring(task[3])))
    end
    return table.concat(all, ', ')
end

fixture.run('adopt', {
    { 'without tarantool/queue there is nothing to adopt', function(test)
        local code, message = code_of(queue.adopt)
        test:is(code, 'INVALID_ARGUMENT', 'an error')
        test:like(message, 'Expected the space _queue', 'that says what is missing')
    end },

    { 'a dry run tells and changes nothing', function(test)
        make_list()
        make_all()
        box.space._queue:delete('standing')
        box.space.standing:drop()
        queue.create_tube('standing', 'fifo')
        box.space._queue:insert({ 'standing', 99, 'standing', 'fifo', {} })
        local before = box.space._queue:len()
        local told = by_name(queue.adopt(nil, { dry_run = true }))
        test:is_deeply(told.plain.tasks, { ready = 2, taken = 1, delayed = 0, buried = 1 }, 'counts')
        test:is(told.plain.problem, nil, 'nothing against it')
        test:like(told.odd.problem, 'driver mydriver', 'an unknown type')
        test:like(told.standing.problem, 'of that name already', 'a name that is in use')
        test:is(box.space._queue:len(), before, 'the list is as it was')
        test:is(box.space.plain:len(), 4, 'and so are the tasks')
        test:is(box.space._tarantella_tube.index.name:get('plain'), nil, 'no tube was made')
    end },

    { 'tasks keep ids, payloads, order, lanes and times', function(test)
        box.cfg({ read_only = false })
        for _, name in ipairs({ 'plain', 'timed', 'lanes', 'disk' }) do
            test:ok(queue.adopt(name)[1].adopted, name)
        end
        test:is(queue.statistics('plain').tasks.buried, 1, 'buried is buried')
        test:is(queue.tube.plain:take(0)[3], 'zero', 'the first')
        test:is_deeply(queue.tube.plain:take(0)[3], PAYLOAD, 'a task that was taken is ready; its payload is whole')
        test:is(queue.tube.plain:take(0)[3], 7, 'the last')
        test:is(queue.tube.plain:put('next')[1], 8, 'ids go on')
        test:is(datas('timed'), '1 first, 4 taken, 0 late', 'by priority; what has expired is not given')
        test:is(queue.statistics('timed').tasks.delayed, 1, 'the delay stands')
        test:is(box.space.timed:get(2).due, now + 3600 * 1000000, 'to the microsecond')
        test:is(box.space.timed:get(1).ttr, nil, 'no limit is no limit')
        test:is(datas('lanes'), '0 1, 2 3', 'one task of a lane at a time')
        test:is(datas('disk'), '3 on disk', 'vinyl')
    end },

    { 'a tube that cannot be adopted says why', function(test)
        local _, message = code_of(queue.adopt, 'odd')
        test:like(message, 'The tube odd cannot be adopted: a tube of the driver mydriver', 'a type')
        test:is(code_of(queue.adopt, 'none'), 'INVALID_ARGUMENT', 'an unknown name')
        test:is(code_of(queue.adopt, nil, { dryrun = true }), 'INVALID_ARGUMENT', 'an unknown option')
        test:is(code_of(queue.adopt_undo, 'standing'), 'INVALID_ARGUMENT', 'undo of what was not adopted')
        package.loaded['queue.abstract'] = {}
        _, message = code_of(queue.adopt)
        package.loaded['queue.abstract'] = nil
        test:like(message, 'runs in this instance', 'beside the module itself')
    end },

    { 'a copy that was cut off is begun anew', function(test)
        local rows = {}
        for i = 0, 1700 do
            rows[i + 1] = { i, 'r', i }
        end
        make_tube('cut', 'fifo', {}, rows)
        local leftover = box.schema.space.create('cut_tarantella_copy')
        leftover:create_index('id')
        test:is(queue.adopt('cut')[1].adopted, 1701, 'all of it, in several commits')
        test:is(queue.tube.cut:take(0)[3], 0, 'in order')
        test:is(box.space.cut_tarantella_copy, nil, 'nothing of it is left')
    end },

    { 'the way back takes along what happened since', function(test)
        local tube = queue.tube.timed
        test:is(code_of(queue.adopt_undo, 'timed'), 'TUBE_IN_USE', 'not while tasks are taken')
        tube:release_all()
        tube:delete(1)
        tube:put('new', { pri = 3, ttl = 100, ttr = 5 })
        tube:bury(0)
        tube:put(nil, { pri = 9 })
        local _, message = code_of(queue.adopt_undo, 'timed')
        test:like(message, 'The task 6 has no payload', 'nor with a task that cannot be stored there')
        tube:delete(6)
        test:is(queue.adopt_undo('timed'), 4, 'tasks')
        local space = box.space.timed
        test:is(queue.tube.timed, nil, 'it is no tube of ours any more')
        test:is(box.space._queue:get('timed').tube_type, 'fifottl', 'and one of theirs')
        test:is_deeply(space:get(2):totable(3, 5), { now + 3600 * 1000000, NO_LIMIT, 1000 }, 'the delayed one')
        test:is(space:get(0).status, '!', 'the one that was buried')
        local new = space:get(5)
        test:is_deeply({ new.data, new.pri, new.ttr }, { 'new', 3, 5000000 }, 'the new one')
        test:ok(new.ttl > 99000000 and new.ttl <= 100000000, 'its life goes on')
        test:is(new.next_event, new.created + new.ttl, 'and ends when it should')
        test:is(queue.adopt('timed')[1].adopted, 4, 'and forth again')
    end },

    { 'finish drops what was kept', function(test)
        test:ok(box.space.plain_tarantool_queue, 'kept until then')
        queue.adopt_finish('plain')
        test:is(box.space.plain_tarantool_queue, nil, 'gone')
        test:is(code_of(queue.adopt_undo, 'plain'), 'INVALID_ARGUMENT', 'there is no way back')
        test:is(queue.statistics('plain').tasks.buried, 1, 'the tube goes on')
    end },

    { 'what tarantool/queue itself has made', function(test)
        local path = os.getenv('TARANTOOL_QUEUE_PATH')
        if path == nil then
            test:ok(true, 'TARANTOOL_QUEUE_PATH is not set: the spaces above are its layout')
            return
        end
        local folder = fixture.folder()
        local script = fio.pathjoin(folder, 'theirs.lua')
        local file = fio.open(script, { 'O_CREAT', 'O_WRONLY' }, tonumber('600', 8))
        file:write(([[
            package.path = %q .. '/?.lua;' .. %q .. '/?/init.lua;' .. package.path
            box.cfg({ work_dir = %q, feedback_enabled = false, log = 'log' })
            local queue = require('queue')
            for _, kind in ipairs({ 'fifo', 'fifottl', 'utube', 'utubettl' }) do
                local tube = queue.create_tube('t_' .. kind, kind)
                for i = 1, 5 do
                    tube:put({ i }, { utube = 'u' .. i %% 2, pri = 5 - i, delay = i == 5 and 1000 or 0 })
                end
                tube:bury(tube:take(0)[1])
                tube:take(0)
            end
            os.exit(0)
        ]]):format(path, path, folder))
        file:close()
        local process = popen.new({ fio.readlink('/proc/self/exe'), script }, { stdin = popen.opts.DEVNULL })
        test:is(process:wait().exit_code, 0, 'its tubes are made')
        process:close()
        local ours = fio.pathjoin(folder, 'ours.lua')
        file = fio.open(ours, { 'O_CREAT', 'O_WRONLY' }, tonumber('600', 8))
        file:write(([[
            package.path = %q .. '/?.lua;' .. %q .. '/?/init.lua;' .. package.path
            box.cfg({ work_dir = %q, feedback_enabled = false, log = 'log' })
            local queue = require('tarantella')
            queue.adopt()
            local lines = {}
            for _, kind in ipairs({ 'fifo', 'fifottl', 'utube', 'utubettl' }) do
                local tasks = queue.statistics('t_' .. kind).tasks
                table.insert(lines, ('%%s %%d %%d %%d'):format(kind, tasks.ready, tasks.buried, tasks.delayed))
            end
            io.stdout:write(table.concat(lines, ', '))
            os.exit(0)
        ]]):format(fixture.root, fixture.root, folder))
        file:close()
        process = popen.new({ fio.readlink('/proc/self/exe'), ours },
            { stdin = popen.opts.DEVNULL, stdout = popen.opts.PIPE })
        local told = process:read({ timeout = 20 })
        process:wait()
        process:close()
        test:is(told, 'fifo 4 1 0, fifottl 3 1 1, utube 4 1 0, utubettl 3 1 1', 'and adopted')
    end },
})
