#!/usr/bin/env tarantool
-- init.lua: settings, users with the least rights, restarts, crashes.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local fio = require('fio')
local instance = require('instance')
local checkpoints = require('tarantella.instance.checkpoints')

local USERS = {
    TUBES = 'ios:fifottl,lanes:utube',
    PRODUCER_PASSWORD = 'p', CONSUMER_PASSWORD = 'c', ADMIN_PASSWORD = 'a',
}

local function start(folder, settings)
    local server = instance.start(fixture.init, folder, settings)
    if server.address == nil then
        error('the instance did not start: ' .. server.errors)
    end
    return server
end

local function write(path, text)
    local file = fio.open(path, { 'O_WRONLY', 'O_CREAT', 'O_TRUNC' }, tonumber('644', 8))
    file:write(text)
    file:close()
end

-- Code and text of the error that a remote call raises.
local function refusal(connection, ...)
    local ok, cause = pcall(connection.call, connection, ...)
    return ok and 'no error' or cause.type, ok and '' or cause.message
end

fixture.run('instance', {
    { 'an instance starts ready for work, with the users and tubes of its settings', function(test)
        local server = start(fixture.folder(), USERS)
        local producer = instance.connect(server, 'producer', 'p')
        local consumer = instance.connect(server, 'consumer', 'c')
        test:is_deeply(fixture.plain(producer:call('queue.put', { 'ios', { x = 1 } })), { 0, 'r', { x = 1 } }, 'put')
        local task = consumer:call('queue.take', { 'ios', 1, { token = true } })
        test:is(consumer:call('queue.ack', { 'ios', task[1], task[4] })[2], '-', 'take and ack')
        test:is(consumer:call('queue.health').ready, true, 'ready')
        test:is(consumer:call('queue.state'), 'RUNNING', 'state')
        instance.crash(server)
    end },
    { 'users can call what their role needs, and nothing else', function(test)
        local server = start(fixture.folder(), USERS)
        local producer = instance.connect(server, 'producer', 'p')
        local consumer = instance.connect(server, 'consumer', 'c')
        local admin = instance.connect(server, 'queue_admin', 'a')
        test:is(refusal(producer, 'queue.take', { 'ios', 0 }), 'AccessDeniedError', 'a producer does not take')
        test:is(refusal(consumer, 'queue.put', { 'ios', 1 }), 'AccessDeniedError', 'a consumer does not put')
        test:is(refusal(consumer, 'queue.drop', { 'ios' }), 'AccessDeniedError', 'nor drop')
        test:is(admin:call('queue.create_tube', { 'mine', 'fifo' }).name, 'mine', 'an admin makes tubes')
        test:is(admin:call('queue.drop', { 'mine' }), true, 'and drops them')
        for _, connection in ipairs({ producer, consumer, admin }) do
            test:is(pcall(connection.eval, connection, 'return 1'), false, 'no eval')
            test:isnil(connection.space.ios, 'no sight of a tube')
            test:isnil(connection.space._user, 'nor of the users')
            for _, name in ipairs({ 'box.schema.user.create', 'box.snapshot', 'os.exit', 'loadstring' }) do
                test:is(refusal(connection, name, { 'x' }), 'AccessDeniedError', name)
            end
        end
        local guest = instance.connect(server)
        test:is(refusal(guest, 'queue.state'), 'AccessDeniedError', 'a guest may nothing')
        instance.crash(server)
    end },
    { 'errors keep their code and text over the wire', function(test)
        local server = start(fixture.folder(), USERS)
        local consumer = instance.connect(server, 'consumer', 'c')
        local code, text = refusal(consumer, 'queue.ack', { 'ios', 7 })
        test:is(code, 'TASK_NOT_TAKEN', 'code')
        test:is(text, 'Task was not taken', 'text')
        code, text = refusal(consumer, 'queue.take', { 'nowhere', 0 })
        test:is_deeply({ code, text }, { 'TUBE_NOT_FOUND', 'Tube not found' }, 'unknown tube')
        instance.crash(server)
    end },
    { 'after kill -9 every confirmed task is there, none acked comes back, no id twice', function(test)
        local folder = fixture.folder()
        local server = start(folder, USERS)
        local admin = instance.connect(server, 'queue_admin', 'a')
        local batch = {}
        for i = 1, 500 do
            batch[i] = { i, i % 5 == 0 and { delay = 1000 } or nil }
        end
        admin:call('queue.put_many', { 'ios', batch })
        local tasks = admin:call('queue.take_many', { 'ios', 200, 1 })
        local acks = {}
        for i = 1, 100 do
            acks[i] = { tasks[i][1], tasks[i][4] }
        end
        admin:call('queue.ack_many', { 'ios', acks })
        admin:call('queue.bury_many', { 'ios', { tasks[101][1] } })
        instance.crash(server)

        server = start(folder, USERS)
        admin = instance.connect(server, 'queue_admin', 'a')
        test:is_deeply(admin:call('queue.statistics', { 'ios' }).tasks,
            { total = 400, ready = 299, delayed = 100, buried = 1, taken = 0, done = 0 }, 'what is left')
        local late = admin:call('queue.ack_many', { 'ios', { { tasks[150][1], tasks[150][4] } } })
        test:is(late[1][2], '-', 'a late ack of an unfinished delivery is accepted')
        local again = admin:call('queue.take_many', { 'ios', 200, 1 })
        test:ok(again[1][4] > tasks[200][4], 'tokens go on')
        late = admin:call('queue.ack_many', { 'ios', { { again[1][1], tasks[102][4] } } })
        test:is(late[1].code, 'TASK_NOT_TAKEN', 'not while somebody else has the task')
        admin:call('queue.release_many', { 'ios', { { again[1][1], again[1][4] } } })
        late = admin:call('queue.ack_many', { 'ios', { { again[1][1], tasks[102][4] } } })
        test:is(late[1].code, 'TASK_NOT_TAKEN', 'nor after that')
        test:is(admin:call('queue.put', { 'ios', 'new' })[1], 500, 'ids go on')
        instance.crash(server)
    end },
    { 'a second start changes nothing that stands', function(test)
        local folder = fixture.folder()
        local server = start(folder, USERS)
        instance.connect(server, 'producer', 'p'):call('queue.put', { 'ios', 'x' })
        instance.crash(server)
        local settings = table.copy(USERS)
        settings.TUBES = 'ios:fifo,more:fifo'
        server = start(folder, settings)
        local admin = instance.connect(server, 'queue_admin', 'a')
        test:is(admin:call('queue.statistics', { 'ios' }).tasks.ready, 1, 'the task stands')
        test:is(admin:call('queue.create_tube', { 'ios', 'fifo', { if_not_exists = true } }).type, 'fifottl',
            'so does the type of the tube')
        test:ok(admin:call('queue.statistics').more, 'the new tube is there')
        test:ok(admin:call('queue.statistics').lanes, 'the one that is not listed any more too')
        instance.crash(server)
    end },
    { 'a Lua or YAML file gives settings, and the environment wins', function(test)
        local folder = fixture.folder()
        local lua, yaml = fio.pathjoin(folder, 'c.lua'), fio.pathjoin(folder, 'c.yml')
        write(lua, [[return {
            memory = '32MB', tubes = { { name = 'push', type = 'fifottl', ttr = 60 } },
            users = { { name = 'app', password = 'secret', roles = { 'producer', 'consumer' } } },
        }]])
        write(yaml, 'users:\n- {name: app, password: secret, roles: [producer]}\ntubes: "a:fifo"\n')
        local server = start(folder, { CONFIG = lua })
        local app = instance.connect(server, 'app', 'secret')
        app:call('queue.put', { 'push', 1 })
        test:is(app:call('queue.take', { 'push', 1 })[3], 1, 'Lua')
        instance.crash(server)
        server = start(fixture.folder(), { CONFIG = yaml, TUBES = 'b:fifo' })
        app = instance.connect(server, 'app', 'secret')
        test:is(app:call('queue.put', { 'b', 1 })[2], 'r', 'YAML')
        test:is(refusal(app, 'queue.put', { 'a', 1 }), 'TUBE_NOT_FOUND', 'the environment won')
        instance.crash(server)
    end },
    { 'a checkpoint is taken when writes pause', function(test)
        local is_due = checkpoints.is_due
        test:is(is_due(59, 60, true), false, 'not before its time')
        test:is(is_due(60, 60, true), true, 'in a pause')
        test:is(is_due(359, 60, false), false, 'not while there are writes')
        test:is(is_due(360, 60, false), true, 'but for ever')
        local folder = fixture.folder()
        local server = start(folder, { CHECKPOINT_INTERVAL = '0.1', TUBES = 'a:fifo', PRODUCER_PASSWORD = 'p' })
        local producer = instance.connect(server, 'producer', 'p')
        local function snapshots()
            return #fio.glob(fio.pathjoin(folder, 'data', '*.snap'))
        end
        local before, written = snapshots(), 10
        for i = 1, written do
            producer:call('queue.put', { 'a', i })
        end
        fixture.eventually('a checkpoint', function() return snapshots() > before end)
        instance.crash(server)
        server = start(folder, { PRODUCER_PASSWORD = 'p' })
        producer = instance.connect(server, 'producer', 'p')
        test:is(producer:call('queue.statistics', { 'a' }).tasks.ready, written, 'all tasks are there')
        instance.crash(server)
    end },
    { 'a setting that cannot be used ends the start with one sentence and code 1', function(test)
        for setting, values in pairs({
            LISTEN = { 'nonsense', '127.0.0.1:99999' }, MEMORY = { 'much' }, WAL_MODE = { 'maybe' },
            LOG_LEVEL = { 'loud' }, TUBES = { 'ios', 'ios:lifo', 'i.o:fifo' }, CONFIG = { '/does/not/exist.lua' },
            SESSION_TTR = { '-1' }, CHECKPOINT_INTERVAL = { 'often' }, COLOUR = { 'red' },
        }) do
            for _, value in ipairs(values) do
                local server = instance.start(fixture.init, fixture.folder(), { [setting] = value })
                test:is(server.exit_code, 1, ('%s=%s'):format(setting, value))
                test:like(server.errors, '^tarantella: [^\n]+\n$', server.errors)
            end
        end
    end },
})
