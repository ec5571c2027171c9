#!/usr/bin/env tarantool
-- `queue.limit` and `queue.limit_many` as users call them: arguments, rights, a read-only instance.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local net_box = require('net.box')
local code_of, eventually = fixture.code_of, fixture.eventually

fixture.run('limit functions', {
    { 'a key has its burst, then its rate', function(test)
        -- So slow that the time the test takes does not count.
        local opts = { rate = 0.001, burst = 2, nodelay = true }
        for i = 0, 2 do
            test:is_deeply(queue.limit('login', 'ann', opts), { true, 0, i }, 'granted')
        end
        local refused = queue.limit('login', 'ann', opts)
        test:is(refused[1], false, 'refused')
        test:ok(refused[2] > 900 and refused[2] <= 1000, 'for a thousand seconds')
        test:is(queue.limit('login', 'bob', opts)[1], true, 'another key')
        test:is(queue.limit('other', 'ann', opts)[1], true, 'another name')
        test:is(queue.limit('login', 7, opts)[3], 0, 'a number')
        test:is(queue.limit('login', '7', opts)[3], 1, 'is its text')
    end },
    { 'the delay threshold and the defaults are those of nginx', function(test)
        local verdicts = queue.limit_many('defaults', { 'a', 'a', 'a', 'a' }, { rate = 2, burst = 3, delay = 2 })
        test:is_deeply(verdicts, { { true, 0, 0 }, { true, 0, 1 }, { true, 0, 2 }, { true, 0.5, 3 } }, 'one waits')
        verdicts = queue.limit_many('defaults', { 'b', 'b' }, { rate = 2 })
        test:is_deeply(verdicts, { { true, 0, 0 }, { false, 0.5, 1 } }, 'no burst')
    end },
    { 'what cannot be understood counts nothing', function(test)
        for _, arguments in ipairs({
            { '', { 'a' }, { rate = 1 } }, { ('x'):rep(257), { 'a' }, { rate = 1 } },
            { 'bad', 'a', { rate = 1 } }, { 'bad', { 'a', {} }, { rate = 1 } }, { 'bad', { 'a', '' }, { rate = 1 } },
            { 'bad', { 'a' } }, { 'bad', { 'a' }, { rate = 0 } }, { 'bad', { 'a' }, { rate = 0 / 0 } },
            { 'bad', { 'a' }, { rate = 1, burst = -1 } }, { 'bad', { 'a' }, { rate = 1, nodelay = 1 } },
            { 'bad', { 'a' }, { rate = 1, size = 0 } }, { 'bad', { 'a' }, { rate = 1, colour = 'red' } },
        }) do
            test:is(code_of(queue.limit_many, unpack(arguments, 1, 3)), 'INVALID_ARGUMENT', 'refused')
        end
        test:is_deeply(queue.limit('bad', 'a', { rate = 1 }), { true, 0, 0 }, 'the first')
    end },
    { 'producers and consumers may call it, and nobody else', function(test)
        queue.grant_roles()
        for _, role in ipairs({ 'producer', 'consumer', 'admin' }) do
            box.schema.user.create(role .. '_user', { password = 'x' })
            box.schema.user.grant(role .. '_user', 'execute', 'role', 'tarantella_' .. role)
        end
        box.schema.user.create('stranger', { password = 'x' })
        local uri = box.info.listen
        for _, user in ipairs({ 'producer_user', 'consumer_user', 'admin_user' }) do
            local conn = net_box.connect(uri, { user = user, password = 'x' })
            local verdicts = conn:call('queue.limit_many', { 'remote', { user }, { rate = 1 } })
            test:is(fixture.plain(verdicts)[1][1], true, user)
            conn:close()
        end
        local conn = net_box.connect(uri, { user = 'stranger', password = 'x' })
        local ok, cause = pcall(conn.call, conn, 'queue.limit', { 'remote', 'k', { rate = 1 } })
        test:ok(not ok and tostring(cause):find('denied') ~= nil, 'a stranger')
        conn:close()
    end },
    { 'a read-only instance does not count beside the master', function(test)
        box.cfg({ read_only = true })
        eventually('it waits', function() return queue.state() == 'WAITING' end)
        test:is(code_of(queue.limit, 'ro', 'k', { rate = 1 }), 'QUEUE_NOT_RUNNING', 'refused')
        box.cfg({ read_only = false })
        eventually('it runs', function() return queue.state() == 'RUNNING' end)
        test:is(queue.limit('ro', 'k', { rate = 1 })[1], true, 'granted')
    end },
})
