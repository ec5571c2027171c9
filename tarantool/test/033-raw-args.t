#!/usr/bin/env tarantool
-- Puts through functions that take raw arguments, where the server has them: the same
-- tasks, options and errors as without.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local net_box = require('net.box')
local uuid = require('uuid')

queue.grant_roles()
box.schema.user.create('app', { password = 'secret' })
box.schema.user.grant('app', 'tarantella_producer')

local has_raw = require('msgpack').object ~= nil

local function connect()
    local listen = box.info.listen or box.cfg.listen
    return net_box.connect(type(listen) == 'table' and listen[1] or listen, { user = 'app', password = 'secret' })
end

local function refusal(connection, name, args)
    local ok, cause = pcall(connection.call, connection, name, args)
    return ok and 'no error' or cause.type
end

fixture.run('raw arguments', {
    { 'the functions are registered for raw arguments where the server knows them', function(test)
        for _, name in ipairs({ 'queue.put', 'queue.put_many' }) do
            test:is(box.func[name].takes_raw_args or false, has_raw, name)
        end

    end },
    { 'payloads arrive as they were sent', function(test)
        local tube = queue.create_tube('forms', 'fifottl')
        local connection = connect()
        local id = uuid.new()
        local payloads = {
            { a = { b = { 1, 2, { c = true } } } }, 'text', 42, -1.5, false, {}, { 1, 2, 3 }, id, ('x'):rep(70000),
        }
        for _, payload in ipairs(payloads) do
            connection:call('queue.put', { 'forms', payload })
        end
        local items = {}
        for i, payload in ipairs(payloads) do
            items[i] = { payload }
        end
        test:is(#connection:call('queue.put_many', { 'forms', items }), #payloads, 'all of a batch')
        for _ = 1, 2 do
            for i, payload in ipairs(payloads) do
                test:is_deeply(tube:take(0)[3], payload, ('payload %d'):format(i))
            end
        end
        connection:call('queue.put', { 'forms', box.NULL })
        test:is(tube:take(0)[3], nil, 'null')
        connection:close()
    end },
    { 'options are read, and mistakes refused, one by one in a batch', function(test)
        queue.create_tube('options', 'fifottl')
        local connection = connect()
        test:is(connection:call('queue.put', { 'options', 'x', { delay = 100 } })[2], '~', 'one')
        local results = fixture.plain(connection:call('queue.put_many', { 'options', {
            { 'a', { delay = 100 } }, { 'b', { pri = 'high' } }, { 'c', box.NULL }, {}, { 'd', { nope = 1 } },
        } }))
        test:is(results[1][2], '~', 'an option')
        test:is(results[2].code, 'INVALID_ARGUMENT', 'a wrong value')
        test:is(results[3][2], 'r', 'null for none')
        test:is(results[4].code, 'INVALID_ARGUMENT', 'no payload')
        test:is(results[5].code, 'INVALID_ARGUMENT', 'an unknown option')
        connection:close()
    end },
    { 'arguments of another form are the mistakes that they always were', function(test)
        queue.create_tube('wrong', 'fifo')
        local connection = connect()
        for _, args in ipairs({ { 'wrong' }, { 'wrong', 'x', 5 } }) do
            test:is(refusal(connection, 'queue.put', args), 'INVALID_ARGUMENT', 'put')
        end
        for _, args in ipairs({ { 'wrong' }, { 'wrong', 5 }, { 'wrong', { a = 1 } } }) do
            local code = refusal(connection, 'queue.put_many', args)
            test:ok(code == 'INVALID_ARGUMENT' or code == 'no error', 'put_many')
        end
        local results = fixture.plain(connection:call('queue.put_many', { 'wrong', { 5 } }))
        test:is(results[1].code, 'INVALID_ARGUMENT', 'an item')
        for _, args in ipairs({ {}, { 'nowhere', 'x' }, { { 1 }, 'x' } }) do
            test:is(refusal(connection, 'queue.put', args), 'TUBE_NOT_FOUND', 'no such tube')
        end
        test:is(box.space.wrong:len(), 0, 'nothing was put')
        connection:close()
    end },
    { 'calls from Lua are as before', function(test)
        local tube = queue.create_tube('lua', 'fifo')
        queue.put('lua', { a = 1 })
        queue.put_many('lua', { { { a = 2 } } })
        test:is_deeply(tube:take(0)[3], { a = 1 }, 'put')
        test:is_deeply(tube:take(0)[3], { a = 2 }, 'put_many')
    end },
})
