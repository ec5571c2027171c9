#!/usr/bin/env tarantool
-- A disk that is full: an instance whose data stands on a small tmpfs. Where this process may
-- not mount one, 017-wal-failure.t has shown the same by a limit of the files' size.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local digest = require('digest')
local fio = require('fio')
local instance = dofile(fixture.root .. '/test/instance.lua')

local DISK_MB = 24

local function mounted()
    local folder = fixture.folder()
    local status = os.execute(("mount -t tmpfs -o size=%dm tarantella '%s' 2>/dev/null"):format(DISK_MB, folder))
    return status == 0 and folder or nil
end

-- Takes all room that is left; gives a function that gives it back.
local function fill(folder)
    local path = fio.pathjoin(folder, 'filler')
    local file = fio.open(path, { 'O_CREAT', 'O_WRONLY' }, tonumber('600', 8))
    local block = ('x'):rep(65536)
    while #block > 0 do
        if not file:write(block) then
            block = block:sub(1, math.floor(#block / 2))
        end
    end
    file:close()
    return function() fio.unlink(path) end
end

local function attempt(conn, ...)
    local ok, result = pcall(conn.call, conn, ...)
    return ok and result or nil
end

local function run_on(folder, test)
    local settings = { ADMIN_PASSWORD = 'a', TUBES = 'jobs:fifottl', MEMORY = '32MB', CHECKPOINT_INTERVAL = '0' }
    local server = instance.start(fixture.init, folder, settings)
    local conn = instance.connect(server, 'queue_admin', 'a')
    local confirmed = {}
    for i = 1, 50 do
        confirmed[conn:call('queue.put', { 'jobs', i })[1]] = i
    end
    local held = conn:call('queue.take', { 'jobs', 0 })[1]
    local free = fill(folder)
    -- A file of the log has a little room already. The log packs what repeats itself.
    local refused, text = 0, digest.base64_encode(digest.urandom(15000), { nowrap = true })
    for _ = 1, 300 do
        local task = attempt(conn, 'queue.put', { 'jobs', text })
        if task == nil then
            refused = refused + 1
        else
            confirmed[task[1]] = text
        end
        if refused == 5 then
            break
        end
    end
    test:is(refused, 5, 'puts are refused')
    local total = conn:call('queue.statistics', { 'jobs' }).tasks.total
    local count = 0
    for _ in pairs(confirmed) do
        count = count + 1
    end
    test:is(total, count, 'and leave no task')
    test:is(conn:call('queue.health').state, 'RUNNING', 'the queue goes on')
    free()
    test:is(conn:call('queue.put', { 'jobs', 'after' })[2], 'r', 'there is room again')
    test:is(conn:call('queue.ack', { 'jobs', held })[2], '-', 'the lease has stood')
    confirmed[held] = nil
    instance.crash(server)
    server = instance.start(fixture.init, folder, settings)
    conn = instance.connect(server, 'queue_admin', 'a')
    local lost = 0
    for id, data in pairs(confirmed) do
        local task = attempt(conn, 'queue.peek', { 'jobs', id })
        lost = lost + ((task == nil or task[3] ~= data) and 1 or 0)
    end
    test:is(lost, 0, 'after a crash every confirmed task is there')
    test:is(attempt(conn, 'queue.peek', { 'jobs', held }), nil, 'and none that was acked')
    instance.crash(server)
end

fixture.run('full disk', {
    { 'a full disk refuses writes, loses nothing, and is forgotten when there is room', function(test)
        local folder = mounted()
        if folder == nil then
            test:ok(true, 'this process may not mount: see 017-wal-failure.t')
            return
        end
        local ok, cause = pcall(run_on, folder, test)
        os.execute(("umount -l '%s'"):format(folder))
        test:ok(ok, tostring(cause))
    end },
    { 'a write that the server is told to fail', function(test)
        local queue = fixture.queue()
        local injection = box.error.injection
        local plain = box.schema.space.create('plain')
        plain:create_index('id')
        -- Builds for production know the names and do nothing.
        local has_any = injection ~= nil and pcall(injection.set, 'ERRINJ_WAL_WRITE', true)
        if not has_any or pcall(plain.insert, plain, { 1 }) then
            test:ok(true, 'this build has no error injection')
            return
        end
        injection.set('ERRINJ_WAL_WRITE', false)
        local tube = queue.create_tube('jobs', 'fifottl')
        injection.set('ERRINJ_WAL_WRITE', true)
        test:is(pcall(tube.put, tube, 1), false, 'is refused')
        injection.set('ERRINJ_WAL_WRITE', false)
        test:is(queue.statistics('jobs').tasks.total, 0, 'leaves nothing')
        test:is(tube:put(1)[2], 'r', 'and is forgotten')
    end },
})
