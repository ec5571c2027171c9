#!/usr/bin/env tarantool
-- in_replicaset: leases are rows, so who identifies itself on the next master may ack.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local fiber = require('fiber')
local fio = require('fio')
local net_box = require('net.box')
local popen = require('popen')
local eventually = fixture.eventually

-- 027-raft.t sets it.
local by_election = os.getenv('TEST_RAFT') ~= nil

local function start(master)
    local env = os.environ()
    env.TEST_ROOT, env.TEST_FOLDER, env.TEST_MASTER = fixture.root, fixture.folder(), master
    local script = fio.pathjoin(fixture.root, 'test', 'replica.lua')
    local process = popen.new({ fio.readlink('/proc/self/exe'), script }, {
        stdout = popen.opts.PIPE, stderr = popen.opts.DEVNULL, stdin = popen.opts.DEVNULL, env = env,
    })
    local address = (process:read({ timeout = 20 }) or ''):match('^ready on (%S+)')
    assert(address ~= nil, 'the instance did not start')
    return { process = process, address = address, admin = net_box.connect(address) }
end

local function stop(member)
    member.admin:close()
    member.process:kill()
    member.process:wait()
    member.process:close()
end

local function await_state(member, state)
    eventually(('%s is %s'):format(member.address, state), function()
        return member.admin:call('queue.state') == state
    end)
end

-- Hands the role over as an operator does on every version: the old master first, then
-- all its rows, then the new one.
local function promote(to, from)
    from.admin:eval('box.cfg({ read_only = true })')
    await_state(from, 'WAITING')
    local id, lsn = from.admin:eval('return box.info.id, box.info.lsn')
    eventually('the rows have come', function()
        return to.admin:eval('local id, lsn = ... return (box.info.vclock[id] or 0) >= lsn', { id, lsn })
    end)
    to.admin:eval(by_election and 'box.ctl.promote()' or 'box.cfg({ read_only = false })')
    await_state(to, 'RUNNING')
    if by_election then
        -- It stays read-only: it is not the leader.
        from.admin:eval('box.cfg({ read_only = false })')
    end
end

local one = start()
local two = start(one.address)
one.admin:eval('box.cfg({ replication = ... })', { { two.address } })
-- A master that gets its replication anew is read-only until it has found the others.
await_state(one, 'RUNNING')
one.admin:eval("queue.create_tube('jobs', 'fifottl', { ttr = 1000 }) queue.create_tube('load', 'utube')")

local function statistics(member, name)
    return member.admin:call('queue.statistics', { name }).tasks
end

fixture.run(by_election and 'replica set with a leader' or 'replica set', {
    { 'a replica that has never been the master answers nil', function(test)
        test:is(two.admin:call('queue.state'), 'INIT', 'state')
        test:is(two.admin:call('queue.create_tube', { 'more', 'fifo' }), nil, 'create_tube')
    end },
    { 'leases and sessions go over with the role', function(test)
        for i = 1, 4 do
            one.admin:call('queue.put', { 'jobs', i })
        end
        local client = net_box.connect(one.address)
        local uuid = client:call('queue.identify')
        local tasks = client:call('queue.take_many', { 'jobs', 3, 0 })
        client:call('queue.tube.jobs:release', { tasks[3][1] })
        promote(two, one)
        test:is_deeply({ statistics(two, 'jobs').taken, statistics(two, 'jobs').ready }, { 2, 2 }, 'taken and ready')
        test:is(client:call('queue.tube.jobs:ack', { tasks[1][1] }), nil, 'the old master answers nil')
        local other = net_box.connect(two.address)
        local ok = pcall(other.call, other, 'queue.ack', { 'jobs', tasks[1][1] })
        test:is(ok, false, 'not for a stranger')
        other:call('queue.identify', { uuid })
        test:is(other:call('queue.ack', { 'jobs', tasks[1][1] })[2], '-', 'by session')
        test:is(other:call('queue.ack', { 'jobs', tasks[2][1], tasks[2][4] })[2], '-', 'and by token')
        test:is(two.admin:eval('return box.space._tarantella_lease:len()'), 0, 'no lease is left')
        client:close()
        other:close()
        promote(one, two)
        test:is(statistics(one, 'jobs').ready, 2, 'and back')
    end },
    { 'a lease ends when its session does not come back in time', function(test)
        local client = net_box.connect(one.address)
        client:call('queue.take', { 'jobs', 0 })
        two.admin:call('queue.cfg', { { ttr = 0.2, in_replicaset = true } })
        promote(two, one)
        test:is(statistics(two, 'jobs').total, 2, 'all are there')
        eventually('the lease is over', function() return statistics(two, 'jobs').taken == 0 end)
        client:close()
        promote(one, two)
        test:is(statistics(one, 'jobs').taken, 0, 'on the master before too, which still knows the session')
        two.admin:call('queue.cfg', { { ttr = 30, in_replicaset = true } })
    end },
    { 'under load in both directions no acked task comes back, and none is lost', function(test)
        local members, master, stopped = { one, two }, 1, false
        local put, acked, back, done = {}, {}, 0, fiber.channel(4)
        local function call(client, ...)
            local ok, result = pcall(client.call, client, ...)
            return ok and result ~= nil and result or nil
        end
        for worker = 1, 2 do
            fiber.create(function()
                local n = 0
                local clients = { net_box.connect(one.address), net_box.connect(two.address) }
                while not stopped do
                    n = n + 1
                    local name = worker .. '-' .. n
                    if call(clients[master], 'queue.put', { 'load', name, { utube = tostring(n % 7) } }) then
                        put[name] = true
                    end
                    fiber.sleep(0.001)
                end
                done:put(true)
            end)
            fiber.create(function()
                local clients = { net_box.connect(one.address), net_box.connect(two.address) }
                while not stopped do
                    local client = clients[master]
                    for _, task in ipairs(call(client, 'queue.take_many', { 'load', 5, 0.05 }) or {}) do
                        back = back + (acked[task[3]] and 1 or 0)
                        if call(client, 'queue.ack', { 'load', task[1], task[4] }) then
                            acked[task[3]] = true
                        end
                    end
                    fiber.sleep(0.001)
                end
                done:put(true)
            end)
        end
        for _ = 1, 4 do
            local before = #fixture.keys(put)
            eventually('work goes on', function() return #fixture.keys(put) > before + 30 end)
            promote(members[3 - master], members[master])
            master = 3 - master
        end
        stopped = true
        for _ = 1, 4 do
            done:get(10)
        end
        test:is(back, 0, 'none comes back')
        local rest = {}
        for _, row in ipairs(members[master].admin:eval('return box.space.load:select()')) do
            rest[row[9]] = true
        end
        local lost = 0
        for name in pairs(put) do
            lost = lost + (acked[name] == nil and rest[name] == nil and 1 or 0)
        end
        test:is(lost, 0, ('none of %d is lost'):format(#fixture.keys(put)))
        test:is(statistics(members[master], 'load').total, #fixture.keys(rest), 'the schedule has all rows')
    end },
    { 'the instances end', function(test)
        stop(one)
        stop(two)
        test:ok(true, 'ended')
    end },
})
