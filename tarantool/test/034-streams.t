#!/usr/bin/env tarantool
-- The queue inside a client's stream: calls of one transaction, published at its commit.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local instance = require('instance')
local net_box = require('net.box')

local has_streams = not _TARANTOOL:match('^2%.[0-9]%.')

local function refused_setting(test, value)
    local server = instance.start(fixture.init, fixture.folder(), { MVCC = value })
    test:is(server.exit_code, 1, 'exit code')
    test:like(server.errors, "mvcc must be true or false, got 'maybe'", 'sentence')
end

if not has_streams then
    fixture.run('streams', {
        { 'a setting that is neither true nor false is refused', function(test)
            refused_setting(test, 'maybe')
        end },
    })
end

local server = instance.start(fixture.init, fixture.folder(), {
    MVCC = 'true', TUBES = 'jobs:fifottl,lanes:utube', ADMIN_PASSWORD = 'a',
})
assert(server.address ~= nil, server.errors)

local function connect()
    return net_box.connect(server.address, { user = 'queue_admin', password = 'a' })
end

local function tasks(connection, name)
    return connection:call('queue.statistics', { name }).tasks
end

fixture.run('streams', {
    { 'a setting that is neither true nor false is refused', function(test)
        refused_setting(test, 'maybe')
    end },
    { 'what a stream puts is there with its commit', function(test)
        local connection, other = connect(), connect()
        local stream = connection:new_stream()
        stream:begin()
        stream:call('queue.put', { 'jobs', 'one' })
        stream:call('queue.put_many', { 'jobs', { { 'two' }, { 'three' } } })
        test:is(tasks(other, 'jobs').total, 0, 'not before')
        test:is(#other:call('queue.take_many', { 'jobs', 10, 0 }), 0, 'nobody can take them')
        stream:commit()
        test:is(#other:call('queue.take_many', { 'jobs', 10, 10 }), 3, 'all three')
        connection:close()
        other:close()
    end },
    { 'a take that waits gets what a stream commits', function(test)
        local connection, other = connect(), connect()
        local waits = other:call('queue.take', { 'lanes', 10 }, { is_async = true })
        local stream = connection:new_stream()
        stream:begin()
        stream:call('queue.put', { 'lanes', 'x', { utube = 'a' } })
        test:is(waits:is_ready(), false, 'not before the commit')
        stream:commit()
        test:is(waits:wait_result(10)[1][3], 'x', 'with it')
        connection:close()
        other:close()
        fixture.eventually('the lost lease is over', function()
            local third = connect()
            local ready = tasks(third, 'lanes').ready
            third:close()
            return ready == 1
        end)
    end },
    { 'an ack and a put of one stream go together, and a rollback undoes both', function(test)
        local connection = connect()
        local before = tasks(connection, 'jobs').total
        connection:call('queue.put', { 'lanes', 'source' })
        local task = connection:call('queue.take_many', { 'lanes', 1, 0 })[1]
        local stream = connection:new_stream()
        for _, ending in ipairs({ 'rollback', 'commit' }) do
            stream:begin()
            stream:call('queue.ack', { 'lanes', task[1], task[4] })
            stream:call('queue.put', { 'jobs', 'derived' })
            stream[ending](stream)
            local gone = ending == 'commit' and 1 or 0
            test:is(tasks(connection, 'lanes').taken, 1 - gone, ending .. ': the ack')
            test:is(tasks(connection, 'jobs').total, before + gone, ending .. ': the put')
        end
        connection:close()
    end },
    { 'a connection that is lost in a transaction leaves no task and no lease', function(test)
        local connection, other = connect(), connect()
        local total = tasks(other, 'jobs').total
        local stream = connection:new_stream()
        stream:begin()
        stream:call('queue.put', { 'jobs', 'lost' })
        local taken = stream:call('queue.take_many', { 'jobs', 100, 0 })
        test:ok(#taken > 0, 'it took what there was')
        connection:close()
        fixture.eventually('all is as before', function()
            local now = tasks(other, 'jobs')
            return now.total == total and now.taken == 0
        end)
        other:close()
    end },
    { 'the instance ends', function(test)
        instance.crash(server)
        test:ok(true, 'ended')
    end },
})
