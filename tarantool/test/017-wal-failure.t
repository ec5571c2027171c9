#!/usr/bin/env tarantool
-- A WAL that refuses: the caller gets an error, nothing is half done, and all works
-- again when there is room. The file size limit of the process stands for a full disk.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local ffi = require('ffi')
local fio = require('fio')
local queue = fixture.queue({ log_level = 0 })
local code_of, eventually = fixture.code_of, fixture.eventually

ffi.cdef([[
    struct limit { unsigned long soft, hard; };
    int setrlimit(int resource, const struct limit *limit);
    int getrlimit(int resource, struct limit *limit);
    void *signal(int number, void *handler);
]])
local FILE_SIZE, SIGXFSZ, IGNORE = 1, 25, ffi.cast('void *', 1)
local limit = ffi.new('struct limit[1]')
ffi.C.getrlimit(FILE_SIZE, limit)
local unlimited = limit[0].soft
ffi.C.signal(SIGXFSZ, IGNORE)

local function set_limit(bytes)
    limit[0].soft = bytes
    assert(ffi.C.setrlimit(FILE_SIZE, limit) == 0)
end

-- No xlog can grow from here on.
local function fill_disk()
    local smallest = math.huge
    for _, path in ipairs(fio.glob(fio.pathjoin(box.cfg.work_dir, '*.xlog'))) do
        smallest = math.min(smallest, fio.stat(path).size)
    end
    set_limit(math.min(smallest, 1))
end

local function free_disk()
    set_limit(unlimited)
end

local function tasks(name)
    return queue.statistics(name).tasks
end

fixture.run('WAL failure', {
    { 'a put that cannot be written leaves no task', function(test)
        local tube = queue.create_tube('puts', 'limfifottl', { capacity = 3 })
        fill_disk()
        test:is(pcall(tube.put, tube, 'x'), false, 'one')
        test:is(pcall(queue.put_many, 'puts', { { 'x' }, { 'y' } }), false, 'many')
        free_disk()
        test:is(tasks('puts').total, 0, 'no task')
        test:is(box.space.puts:len(), 0, 'no row')
        test:is(#queue.put_many('puts', { { 'x' }, { 'y' }, { 'z' } }), 3, 'there is room for three')
        test:is(tasks('puts').ready, 3, 'ready')
    end },
    { 'a change that cannot be written leaves the lease, and can be repeated', function(test)
        local tube = queue.create_tube('changes', 'fifottl')
        for i = 1, 4 do
            tube:put(i, { ttl = 1000 })
        end
        for _ = 1, 3 do
            tube:take(0)
        end
        fill_disk()
        test:is(pcall(tube.ack, tube, 0), false, 'ack')
        test:is(pcall(tube.bury, tube, 1), false, 'bury')
        test:is(pcall(tube.release, tube, 2, { delay = 5 }), false, 'release with a delay')
        test:is(pcall(tube.touch, tube, 2, 5), false, 'touch of a life')
        test:is(pcall(tube.delete, tube, 3), false, 'delete')
        test:is(pcall(queue.ack_many, 'changes', { 0, 1, 2 }), false, 'ack of many')
        test:is_deeply({ tasks('changes').taken, tasks('changes').ready }, { 3, 1 }, 'as before')
        test:is(tube:release(2)[2], 'r', 'a release writes nothing, so it works')
        free_disk()
        test:is(tube:ack(0)[2], '-', 'ack')
        test:is(tube:bury(1)[2], '!', 'bury')
        test:is(tube:take(0)[1], 2, 'take')
        test:is(tube:delete(3)[2], '-', 'delete')
    end },
    { 'lives go on ending once there is room', function(test)
        local tube = queue.create_tube('lives', 'fifottl')
        for i = 1, 3 do
            tube:put(i, { ttl = 0.05 })
        end
        fill_disk()
        eventually('they have expired', function() return tube.raw.sched:available() == 0 end)
        -- Between two tries; during one the row is out of sight.
        eventually('the rows are there', function() return code_of(tube.peek, tube, 0) == nil end)
        free_disk()
        eventually('they are deleted', function() return tasks('lives').total == 0 end)
        test:is(box.space.lives:len(), 0, 'no row')
    end },
})
