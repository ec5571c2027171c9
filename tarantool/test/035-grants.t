#!/usr/bin/env tarantool
-- Rights on one tube, as tarantool/queue gives them: `grant` and `grant_role`.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local net_box = require('net.box')
local code_of = fixture.code_of

rawset(_G, 'other', { tube = queue.tube })

local function connect(user)
    return net_box.connect(box.info.listen or box.cfg.listen, { user = user, password = 'secret' })
end

-- A user without any right but to log in.
local function user(name)
    box.schema.user.create(name, { password = 'secret' })
    return name
end

local METHODS = {
    { 'put', { 'x' } }, { 'take', { 0 } }, { 'touch', { 0, 1 } }, { 'release', { 0 } }, { 'bury', { 0 } },
    { 'kick', { 1 } }, { 'peek', { 0 } }, { 'take', { 0 } }, { 'ack', { 0 } },
}

fixture.run('grants', {
    { 'grant lets Lua code of a user use the tube, and nobody call it', function(test)
        local tube = queue.create_tube('lua', 'fifottl')
        tube:put('x')
        user('near')
        box.session.su('near', function()
            test:is(code_of(tube.put, tube, 'x'), 'AccessDeniedError', 'not before')
        end)
        tube:grant('near')
        tube:grant('near')
        box.session.su('near', function()
            test:is(tube:put('y')[2], 'r', 'put')
            test:is(tube:take(0)[3], 'x', 'take')
            test:is(tube:ack(0)[2], '-', 'ack')
        end)
        local connection = connect('near')
        test:is(code_of(connection.call, connection, 'queue.tube.lua:take', { 0 }), 'AccessDeniedError', 'no call')
        connection:close()
    end },
    { 'with `call` a remote user has the methods of that tube alone', function(test)
        local tube = queue.create_tube('mine', 'fifottl')
        queue.create_tube('yours', 'fifottl')
        tube:grant(user('far'), { call = true })
        local connection = connect('far')
        for _, call in ipairs(METHODS) do
            test:ok(pcall(connection.call, connection, 'queue.tube.mine:' .. call[1], call[2]), call[1])
        end
        tube:put('z')
        test:is(connection:call('queue.tube.mine:delete', { 1 })[2], '-', 'delete')
        test:is(#connection:call('queue.identify'), 16, 'identify')
        test:is(connection:call('queue.statistics', { 'mine' }).tasks.total, 0, 'statistics')
        for _, name in ipairs({ 'tube.mine:truncate', 'tube.mine:drop', 'tube.yours:put', 'cfg' }) do
            test:is(code_of(connection.call, connection, 'queue.' .. name), 'AccessDeniedError', 'not ' .. name)
        end
        tube:grant('far', { truncate = true })
        test:ok(pcall(connection.call, connection, 'queue.tube.mine:truncate'), 'truncate if granted')
        connection:close()
    end },
    { 'a role can be granted the same, and functions under another name', function(test)
        local tube = queue.create_tube('shared', 'utube')
        box.schema.role.create('workers')
        tube:grant_role('workers', { call = true, prefix = 'other.tube' })
        box.schema.user.grant(user('member'), 'workers')
        local connection = connect('member')
        test:is(connection:call('other.tube.shared:put', { 'x' })[2], 'r', 'put')
        test:is(code_of(connection.call, connection, 'queue.tube.shared:put', { 'x' }), 'AccessDeniedError',
            'not by the usual name')
        connection:close()
    end },
    { 'mistakes are refused, and a queue that does not run grants nothing', function(test)
        local tube = queue.create_tube('odd', 'fifo')
        test:is(code_of(tube.grant, tube, 1), 'INVALID_ARGUMENT', 'a number for a user')
        test:is(code_of(tube.grant, tube, 'far', 'call'), 'INVALID_ARGUMENT', 'text for options')
        test:is(code_of(tube.grant, tube, 'nobody'), 'ClientError', 'an unknown user')
        box.cfg({ read_only = true })
        fixture.eventually('it does not run', function() return queue.state() == 'WAITING' end)
        test:is(select('#', tube:grant('far')), 0, 'no value, as in tarantool/queue')
        box.cfg({ read_only = false })
        fixture.eventually('it runs', function() return queue.state() == 'RUNNING' end)
        tube:drop()
        test:is(code_of(tube.grant, tube, 'far'), 'TUBE_NOT_FOUND', 'a tube that is gone')
    end },
})
