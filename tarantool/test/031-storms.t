#!/usr/bin/env tarantool
-- Crowds: connections that take and drop while the WAL is busy, thousands of waiting
-- takes, a hundred thousand tasks due at once, a client that never reads.
-- STORM_CONNECTIONS makes the first of them larger.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue({ log_level = 3, net_msg_max = 20000, readahead = 16320 })
local fiber = require('fiber')
local msgpack = require('msgpack')
local net_box = require('net.box')
local socket = require('socket')
local eventually = fixture.eventually

local CONNECTIONS = tonumber(os.getenv('STORM_CONNECTIONS')) or 1000
local WAITERS, DUE = 2000, 100000

queue.grant_roles()
box.schema.user.grant('guest', 'tarantella_consumer')

local function address()
    local listen = box.info.listen or box.cfg.listen
    return type(listen) == 'table' and listen[1] or listen
end

local function connect()
    return net_box.connect(address(), { connect_timeout = 20 })
end

local function tasks(name)
    return queue.statistics(name).tasks
end

-- Puts and acks until it is told to stop; gives how many there were.
local function churn(tube)
    local work = { done = 0, stopped = false, ended = fiber.channel(1) }
    fiber.create(function()
        while not work.stopped do
            tube:put('x')
            local task = tube:take(0)
            if task ~= nil then
                tube:ack(task[1])
            end
            work.done = work.done + 1
        end
        work.ended:put(true)
    end)
    function work.stop()
        work.stopped = true
        work.ended:get(20)
        return work.done
    end
    return work
end

-- A CALL as bytes: length, {type, sync}, {function name, arguments}.
local function call_packet(name, args)
    local body = msgpack.encode(setmetatable({ [0] = 0x0a, [1] = 1 }, { __serialize = 'map' }))
        .. msgpack.encode(setmetatable({ [0x22] = name, [0x21] = args }, { __serialize = 'map' }))
    return '\xce' .. string.char(0, 0, math.floor(#body / 256), #body % 256) .. body
end

fixture.run('storms', {
    { 'connections that take and drop under a busy WAL leave no task taken and nobody waiting', function(test)
        local tube = queue.create_tube('storm', 'fifo')
        local busy = churn(queue.create_tube('other', 'fifo'))
        for i = 1, CONNECTIONS do
            tube:put(i)
        end
        local ended = fiber.channel(CONNECTIONS)
        for i = 1, CONNECTIONS do
            fiber.create(function()
                local connection = connect()
                -- Some find a task, some wait for one, and none of them stays to hear of it.
                connection:call('queue.take_many', { 'storm', 1 + i % 3, 100 }, { is_async = true })
                if i % 2 == 0 then
                    connection:call('queue.take', { 'storm', 0 })
                end
                connection:close()
                ended:put(true)
            end)
        end
        for _ = 1, CONNECTIONS do
            ended:get(30)
        end
        eventually('nothing is taken and nobody waits', function()
            return tasks('storm').taken == 0 and tube.raw:waiting() == 0
        end)
        test:ok(busy.stop() > 0, 'the WAL was busy')
        test:is(tasks('storm').ready, CONNECTIONS, 'all are ready')
        test:is(#queue.take_many('storm', 1000, 0), CONNECTIONS, 'and can be taken')
    end },
    { 'two thousand waiting takes delay nobody, and each gets one task', function(test)
        local tube = queue.create_tube('crowd', 'fifo')
        local seen, got = {}, 0
        for _ = 1, WAITERS do
            fiber.create(function()
                local task = tube:take(60)
                if task ~= nil then
                    seen[task[1]] = (seen[task[1]] or 0) + 1
                    got = got + 1
                end
            end)
        end
        eventually('all of them wait', function() return tube.raw:waiting() == WAITERS end)
        local other = queue.create_tube('calm', 'fifo')
        local before = fiber.info()[fiber.id()].csw
        for _ = 1, 100 do
            other:ack(other:put('x')[1] and other:take(0)[1])
        end
        local switches = fiber.info()[fiber.id()].csw - before
        test:ok(switches <= 400, 'a put and an ack wait for the WAL and for nothing else')
        test:is(tube.raw:waiting(), WAITERS, 'they still wait')
        -- One put wakes one of them.
        tube:put('first')
        eventually('one is served', function() return got == 1 end)
        test:is(tube.raw:waiting(), WAITERS - 1, 'the others wait')
        for i = 2, WAITERS, 100 do
            local items = {}
            for k = i, math.min(WAITERS, i + 99) do
                items[k - i + 1] = { k }
            end
            queue.put_many('crowd', items)
        end
        eventually('all are served', function() return got == WAITERS end)
        local count = 0
        for _, times in pairs(seen) do
            count = count + times
        end
        test:is(count, WAITERS, 'once each')
        test:is(tube.raw:waiting(), 0, 'nobody waits')
    end },
    { 'takes that are abandoned swallow nothing', function(test)
        local tube = queue.create_tube('left', 'fifo')
        local connections = {}
        for i = 1, 50 do
            connections[i] = connect()
            connections[i]:call('queue.take_many', { 'left', 2, 100, { key = 'k' } }, { is_async = true })
        end
        eventually('all of them wait', function() return tube.raw:waiting() == 50 end)
        for i = 1, 50 do
            -- A put, a cancellation and a lost connection in every order.
            if i % 3 == 0 then
                connections[i]:call('queue.cancel_take', { 'left', 'k' })
            end
            tube:put(i)
            if i % 2 == 0 then
                connections[i]:close()
            end
        end
        for i = 1, 50 do
            connections[i]:close()
        end
        eventually('all are ready', function() return tasks('left').ready == 50 and tube.raw:waiting() == 0 end)
        test:is(tasks('left').total, 50, 'all are there')
    end },
    { 'a hundred thousand tasks due at once leave turns to others', function(test)
        local tube = queue.create_tube('due', 'fifottl')
        local ends = require('clock').realtime() + 3600
        for _ = 1, DUE / 10000 do
            local items = {}
            for k = 1, 10000 do
                items[k] = { 'x', k % 2 == 0 and { at = ends } or { ttl = 3600 } }
            end
            queue.put_many('due', items)
        end
        local timer = require('tarantella.timer')
        local wall_us = timer.wall_us
        timer.wall_us = function() return wall_us() + 3700 * 1000000 end
        local turns, most = 0, 0
        local raw = tube.raw
        local function moved()
            return tasks('due').delayed + tasks('due').total
        end
        timer.kick()
        local before = moved()
        while moved() > DUE / 2 do
            fiber.sleep(0)
            turns = turns + 1
            most = math.max(most, before - moved())
            before = moved()
        end
        timer.wall_us = wall_us
        test:ok(turns >= DUE / 2 / 1000, ('%d turns of others'):format(turns))
        test:ok(most <= 2 * 1500, ('%d at a time'):format(most))
        test:is(tasks('due').ready, DUE / 2, 'those that were delayed are ready')
        test:is(raw.store:count(), DUE / 2, 'those whose life ended are deleted')
    end },
    { 'a client that never reads its replies holds up nobody', function(test)
        local tube = queue.create_tube('deaf', 'fifo')
        for _ = 1, 20 do
            tube:put(('x'):rep(500000))
        end
        local host, port = address():match('^(.*):(%d+)$')
        local deaf = socket.tcp_connect(host, tonumber(port))
        deaf:read(128)
        for _ = 1, 20 do
            deaf:write(call_packet('queue.take', { 'deaf', 0 }))
        end
        eventually('it has taken some', function() return tasks('deaf').taken > 0 end)
        local other = connect()
        for _ = 1, 100 do
            other:call('queue.state')
        end
        test:is(other:call('queue.state'), 'RUNNING', 'another is answered')
        deaf:close()
        eventually('its tasks are ready', function() return tasks('deaf').ready == 20 end)
        test:is(tasks('deaf').taken, 0, 'none is taken')
        other:close()
    end },
})
