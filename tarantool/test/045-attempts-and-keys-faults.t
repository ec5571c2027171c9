#!/usr/bin/env tarantool
-- Failed attempts and keys when the WAL refuses, when the module is reloaded, and in the
-- streams of clients.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local ffi = require('ffi')
local instance = require('instance')
local queue = fixture.queue()
local eventually = fixture.eventually
local lapse = require('tarantella.lapse')
local lapsed = require('tarantella.ability.lapsed')
local timer = require('tarantella.timer')

ffi.cdef([[
typedef void (*handler_t)(int);
handler_t signal(int number, handler_t handler);
struct limit { uint64_t soft; uint64_t hard; };
int getrlimit(int resource, struct limit *limit);
int setrlimit(int resource, const struct limit *limit);
]])
local FILE_SIZE, SIGXFSZ, IGNORE = 1, 25, ffi.cast('handler_t', 1)
local limit = ffi.new('struct limit[1]')
assert(ffi.C.getrlimit(FILE_SIZE, limit) == 0)
local unlimited = limit[0].soft
ffi.C.signal(SIGXFSZ, IGNORE)

local function set_limit(bytes)
    limit[0].soft = bytes
    assert(ffi.C.setrlimit(FILE_SIZE, limit) == 0)
end

local function reload()
    for name in pairs(package.loaded) do
        if name:match('^tarantella') then
            package.loaded[name] = nil
        end
    end
    return require('tarantella')
end

local function attempts(id)
    return queue.info('work', id).attempts
end

queue.create_tube('dead', 'fifo')
local tube = queue.create_tube('work', 'fifottl', { dedup = true, max_attempts = 3, dead_letter = 'dead' })

fixture.run('attempts and keys, faults', {
    { 'what the WAL refuses leaves the task, its lease and its key, and can be repeated', function(test)
        local id = tube:put('x', { key = 'k', max_attempts = 1 })[1]
        local token = tube:take(0, { token = true })[4]
        set_limit(1)
        test:is(pcall(queue.fail, 'work', id, { token = token }), false, 'fail')
        test:is(pcall(queue.fail_many, 'work', { { id, token } }), false, 'fail_many')
        test:is(pcall(queue.put, 'work', 'y', { key = 'k', dedup = 'after' }), false, 'after')
        test:is(pcall(queue.put, 'work', 'y', { key = 'l' }), false, 'another key')
        set_limit(unlimited)
        test:is(tube:peek(id)[2], 't', 'it is held')
        test:is(queue.statistics('dead').tasks.total, 0, 'nobody is dead')
        test:is(queue.put('work', 'z', { key = 'k' })[4], 'duplicate', 'the key is its own')
        test:is(queue.put('work', 'z', { key = 'l' })[4], nil, 'the other one is free')
        set_limit(1)
        test:is(pcall(queue.put, 'work', 'y', { key = 'l', dedup = 'replace' }), false, 'replace')
        set_limit(unlimited)
        test:is(queue.find('work', { key = 'l' })[3], 'z', 'as it was')
        test:is(queue.cancel('work', 'l'), true, 'and not stuck')
        test:is(queue.fail('work', id, { token = token })[2], '-', 'again')
        test:is(queue.statistics('dead').tasks.ready, 1, 'dead')
        test:is(tube.raw.sched.busy + tube.raw.arriving, 0, 'nothing hangs')
    end },
    { 'an attempt that cannot be counted yet is counted later, and its token holds', function(test)
        local id, other = tube:put('x')[1], tube:put('y')[1]
        local tasks = queue.take_many('work', 2, 0)
        timer.stop()
        for i = 1, 2 do
            lapse.one(tube.raw, tube.raw.sched, tube.raw.sched:find(tasks[i][1]))
        end
        set_limit(1)
        test:is(pcall(lapsed.run), false, 'the WAL refuses')
        set_limit(unlimited)
        test:is(queue.statistics('work').tasks.taken, 2, 'nobody else is given them')
        eventually('a late ack is accepted', function() return pcall(queue.ack, 'work', other, tasks[2][4]) end)
        eventually('the other one is counted', function()
            lapsed.run()
            return tube:peek(id)[2] == 'r'
        end)
        test:is(attempts(id), 1, 'once')
        test:is(queue.info('work', id).error, 'the time to run is over', 'with its reason')
        test:is(tube.raw:len(), 1, 'and the acked one is done')
        tube:delete(id)
    end },
    { 'a reload keeps attempts, keys, windows and late acks', function(test)
        local id = tube:put('x', { key = 'k' })[1]
        tube:put('w', { key = 'w', window = 100, pri = -1 })
        tube:ack(tube:take(0)[1])
        tube:take(0)
        queue.fail('work', id, { error = 'e' })
        local token = tube:take(0, { token = true })[4]
        tube:put('z', { key = 'k', dedup = 'after' })
        reload()
        test:is(attempts(id), 1, 'attempts')
        test:is(tube:put('y', { key = 'w' })[4], 'duplicate', 'a window')
        test:is(tube:ack(id, token)[2], '-', 'the lease')
        test:is(tube:take(0)[3], 'z', 'what was kept')
        test:is(queue.fail('work', id + 2, { final = true })[2], '-', 'the tube of the dead')
    end },
    { 'a stream fails tasks and puts keys in its transaction', function(test)
        if _TARANTOOL:match('^2%.[0-9]%.') then
            return test:ok(true, 'there are no streams before 2.10')
        end
        local server = instance.start(fixture.init, fixture.folder(), { MVCC = 'true', ADMIN_PASSWORD = 'a' })
        local admin = instance.connect(server, 'queue_admin', 'a')
        admin:call('queue.create_tube', { 'work', 'fifottl', { dedup = true, max_attempts = 2 } })
        for _, ending in ipairs({ 'rollback', 'commit' }) do
            admin:call('queue.truncate', { 'work' })
            local id = admin:call('queue.put', { 'work', 'x', { key = 'k' } })[1]
            local task = admin:call('queue.take', { 'work', 0, { token = true } })
            local stream = admin:new_stream()
            stream:begin()
            stream:call('queue.put', { 'work', 'y', { key = 'l' } })
            test:is(stream:call('queue.fail', { 'work', id, { token = task[4], delay = 50 } })[2], '~', 'fail')
            stream[ending](stream)
            local state = admin:call('queue.info', { 'work', id })
            test:is_deeply({ state.attempts, state.state }, ending == 'commit' and { 1, '~' } or { 0, 't' }, ending)
            local found = admin:call('queue.find', { 'work', { key = 'l' } })
            test:is(found ~= nil, ending == 'commit', 'its key')
        end
        instance.crash(server)
    end },
})
