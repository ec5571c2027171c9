#!/usr/bin/env tarantool
-- A newer copy of the module takes the queue over with its leases, and no call is lost.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()
local fiber = require('fiber')
local net_box = require('net.box')
local code_of, eventually = fixture.code_of, fixture.eventually

box.schema.user.grant('guest', 'read,write,execute', 'universe', nil, { if_not_exists = true })
local address = type(box.info.listen) == 'table' and box.info.listen[1] or box.info.listen

-- What a deployment does after it has replaced the files.
local function reload()
    for name in pairs(package.loaded) do
        if name:match('^tarantella') then
            package.loaded[name] = nil
        end
    end
    return require('tarantella')
end

fixture.run('reload', {
    { 'leases, late acks, counters and objects stand', function(test)
        local tube = queue.create_tube('stands', 'utubettl', { lane_limit = 2 })
        for i = 1, 4 do
            tube:put(i, { utube = 'l', ttr = i == 2 and 0.01 or 1000 })
        end
        local one = tube:take(0, { token = true })
        local two = tube:take(0, { token = true })
        eventually('the second lease has run out', function() return tube:peek(two[1])[2] == 'r' end)
        test:is(reload(), queue, 'the table is the same')
        test:is(queue.tube.stands, tube, 'so is the object')
        test:is(queue.statistics('stands').tasks.taken, 1, 'the lease stands')
        test:is(queue.statistics('stands').calls.put, 4, 'and the counters')
        test:is(tube:ack(one[1])[2], '-', 'its owner acks')
        test:is(tube:ack(two[1], two[4])[2], '-', 'the late ack is accepted')
        local three = tube:take(0, { token = true })
        test:ok(three[4] > two[4], 'tokens go on')
        tube:take(0)
        test:is(tube:take(0), nil, 'the limit of the lane holds')
    end },
    { 'a connection keeps its session, and its end is seen', function(test)
        queue.create_tube('remote', 'fifo')
        queue.put('remote', 'x')
        local connection = net_box.connect(address)
        local task = connection:call('queue.take_many', { 'remote', 1, 0 })[1]
        reload()
        test:is(code_of(queue.ack, 'remote', task[1]), 'TASK_NOT_TAKEN', 'nobody else may ack')
        test:is(queue.statistics('remote').tasks.taken, 1, 'it is taken')
        connection:close()
        eventually('the task is ready', function() return queue.statistics('remote').tasks.ready == 1 end)
    end },
    { 'calls under way are answered by one copy or the other', function(test)
        queue.create_tube('busy', 'fifo')
        local tube = queue.tube.busy
        local stop, done = false, fiber.channel(20)
        local puts, acks, failures = 0, 0, {}
        local function loop(call)
            fiber.create(function()
                while not stop do
                    local ok, cause = pcall(call)
                    if not ok then
                        table.insert(failures, tostring(cause))
                    end
                    fiber.sleep(0)
                end
                done:put(true)
            end)
        end
        for i = 1, 10 do
            loop(function()
                if i % 2 == 0 then
                    tube:put('x')
                else
                    queue.put_many('busy', { { 'x' } })
                end
                puts = puts + 1
            end)
            loop(function()
                local task = tube:take(0.01, { token = true })
                if task ~= nil then
                    tube:ack(task[1], task[4])
                    acks = acks + 1
                end
            end)
        end
        for _ = 1, 5 do
            local before = puts
            eventually('work goes on', function() return puts > before + 20 end)
            reload()
        end
        stop = true
        for _ = 1, 20 do
            done:get(10)
        end
        test:is_deeply(failures, {}, 'no call fails')
        eventually('all leases are acked', function() return queue.statistics('busy').tasks.taken == 0 end)
        test:is(queue.statistics('busy').tasks.ready, puts - acks, 'no task is lost')
        test:is(queue.statistics('busy').tasks.ready, box.space.busy:len(), 'nor in excess')
    end },
    { 'the older copy leaves no fiber and no trigger', function(test)
        fiber.sleep(0)
        local timers, roles = 0, 0
        for _, info in pairs(fiber.info()) do
            timers = timers + (info.name == 'tarantella_timer' and 1 or 0)
            roles = roles + (info.name == 'tarantella_role' and 1 or 0)
        end
        test:is_deeply({ timers, roles, #box.session.on_disconnect() }, { 1, 1, 1 }, 'one of each')
    end },
})
