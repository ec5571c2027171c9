#!/usr/bin/env tarantool
-- The application role of Tarantool 3, as an instance with a YAML configuration runs it.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local fio = require('fio')
local fiber = require('fiber')
local net_box = require('net.box')
local popen = require('popen')
fixture.queue()
local role = require('roles.tarantella')

local folder = fixture.folder()
local socket, config = fio.pathjoin(folder, 'one.sock'), fio.pathjoin(folder, 'config.yaml')

local CONFIG = [[
credentials:
  users:
    app: { password: secret, roles: [tarantella_producer, tarantella_consumer] }
    boss: { password: secret, roles: [super] }
groups:
  g:
    replicasets:
      r:
        instances:
          one:
            process: { work_dir: '%s' }
            iproto: { listen: [{ uri: 'unix/:%s' }] }
            log: { to: file, file: '%s/log' }
            roles: [roles.tarantella]
            roles_cfg:
              roles.tarantella:
                session_ttr: 5
                metrics: true
                tubes:
%s
]]

local function configure(tubes)
    local file = fio.open(config, { 'O_CREAT', 'O_TRUNC', 'O_WRONLY' }, tonumber('600', 8))
    file:write(CONFIG:format(folder, socket, folder, tubes))
    file:close()
end

local function start()
    local env = os.environ()
    env.LUA_PATH = ('%s/?.lua;%s/?/init.lua;;'):format(fixture.root, fixture.root)
    return popen.new({ fio.readlink('/proc/self/exe'), '--name', 'one', '--config', config }, {
        env = env, stdin = popen.opts.DEVNULL, stdout = popen.opts.DEVNULL, stderr = popen.opts.DEVNULL,
    })
end

local function connect(user)
    return fixture.eventually('the instance serves ' .. user, function()
        local conn = net_box.connect('unix/:' .. socket, { user = user, password = 'secret' })
        -- Rights come before tubes.
        if conn:ping() and pcall(conn.call, conn, 'queue.statistics', { 'push' }) then
            return conn
        end
        conn:close()
        fiber.sleep(0.05)
    end)
end

local function refusal(cfg)
    local ok, cause = pcall(role.validate, cfg)
    return not ok and tostring(cause) or nil
end

local tests = {
    { 'a configuration is checked before anything happens', function(test)
        test:is(refusal(nil), nil, 'nothing')
        test:is(refusal({ session_ttr = 3, metrics = false, tubes = { a = { type = 'fifo' } } }), nil, 'all of it')
        test:is(refusal({ ttr = 3 }), 'roles.tarantella: unknown option ttr', 'an unknown option')
        test:is(refusal({ session_ttr = -1 }),
            'roles.tarantella: session_ttr must be a number of seconds >= 0, got -1', 'a number that cannot be')
        test:is(refusal({ metrics = 'yes' }), 'roles.tarantella: metrics must be a boolean, got string', 'a type')
        test:is(refusal({ tubes = { a = {} } }), 'roles.tarantella: tubes.a must be a map with a type', 'no type')
        test:is(refusal({ tubes = { a = { type = 'lifo' } } }), 'roles.tarantella: tubes.a: unknown tube type lifo',
            'an unknown type')
        test:like(refusal({ tubes = { a = { type = 'fifo', tll = 1 } } }), 'tubes.a: Unknown option `tll`',
            'an option of a tube')
        test:like(refusal({ tubes = { _a = { type = 'fifo' } } }), 'tubes._a: ', 'a name')
    end },
}

if pcall(require, 'config') and box.watch ~= nil then
    table.insert(tests, { 'an instance has the tubes and rights of its configuration', function(test)
        configure('                  push: { type: fifottl, ttr: 60 }')
        local process = start()
        local app, boss = connect('app'), connect('boss')
        test:is_deeply(fixture.plain(app:call('queue.put', { 'push', 'x' })), { 0, 'r', 'x' }, 'a producer puts')
        test:is(pcall(app.call, app, 'queue.drop', { 'push' }), false, 'and may not drop')
        test:like(boss:call('queue.metrics'), 'tarantella_tasks{state="ready",tube="push"} 1', 'metrics')
        configure("                  push: { type: fifottl, ttr: 60 }\n                  more: { type: utube }")
        boss:eval("require('config'):reload()")
        test:is_deeply(fixture.plain(app:call('queue.put', { 'more', 'y' })), { 0, 'r', 'y' }, 'a tube that came later')
        configure('                  push: { type: utube }')
        local ok, cause = pcall(boss.eval, boss, "require('config'):reload()")
        test:is(ok, false, 'what would destroy is refused')
        test:like(tostring(cause), 'the tube push is a fifottl and cannot become a utube', 'with the reason')
        test:is(app:call('queue.statistics', { 'push' }).tasks.ready, 1, 'and nothing is lost')
        app:close()
        boss:close()
        process:kill()
        process:wait()
        process:close()
    end })
else
    table.insert(tests, { 'an older Tarantool says which one it needs', function(test)
        local ok, cause = pcall(role.apply, {})
        if box.watch == nil then
            test:is(ok, false, 'refused')
            test:like(tostring(cause), 'need Tarantool 3.0', 'with the reason')
        else
            test:ok(ok, 'the function itself works wherever there are watchers')
            role.stop()
        end
    end })
end

fixture.run('role', tests)
