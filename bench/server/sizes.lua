-- What a task costs in bytes: of memory while it waits, of WAL for its put and its ack, each alone and in
-- batches of 100. Needs nothing but Tarantool: `tarantool bench/server/sizes.lua`. With the argument `json` it
-- prints a list of [payload, memory, put, ack, put in 100, ack in 100] instead of the table.

local digest = require('digest')
local fiber = require('fiber')
local fio = require('fio')
local json = require('json')
local msgpack = require('msgpack')

local KEPT, BATCHED, BATCH, ALONE = 100000, 10000, 100, 1000
local GIB = 1024 ^ 3

local root = fio.dirname(fio.dirname(fio.dirname(fio.abspath(arg[0]))))
package.path = ('%s/tarantool/?.lua;%s/tarantool/?/init.lua;%s'):format(root, root, package.path)

local folder = fio.tempdir()
box.cfg({
    work_dir = folder, log = 'log', feedback_enabled = false, memtx_memory = GIB,
    -- One WAL file per measurement would hide what the others hold.
    wal_max_size = GIB * 16,
})
local queue = require('tarantella')

-- Text that a WAL cannot compress: what real payloads save in batches comes on top.
local noise = digest.base64_encode(digest.urandom(1024 * 1024), { nowrap = true })

local function text(bytes)
    local from = math.random(#noise - bytes)
    return noise:sub(from, from + bytes - 1)
end

local PAYLOADS = {
    function(i) return { user = i, text = text(22) } end,
    function(i) return { user = i, text = text(216) } end,
    function(i) return { user = i, text = text(1005) } end,
}

local function wal_bytes()
    local bytes = 0
    for _, path in ipairs(fio.glob(folder .. '/*.xlog')) do
        bytes = bytes + fio.stat(path).size
    end
    return bytes
end

local function resident_bytes()
    for line in io.lines('/proc/self/status') do
        local kib = line:match('^VmRSS:%s+(%d+)')
        if kib ~= nil then
            return tonumber(kib) * 1024
        end
    end
end

-- WAL bytes that `step`, called `times` times, writes for each of `tasks`.
local function written(tasks, times, step)
    local before = wal_bytes()
    for i = 1, times do
        step(i)
    end
    return (wal_bytes() - before) / tasks
end

local function alone(tube, payload)
    local put = written(ALONE, ALONE, function(i) tube:put(payload(100000 + i)) end)
    local ack = written(ALONE, ALONE, function() tube:ack(tube:take(0)[1]) end)
    return put, ack
end

local function put_batches(tube, payload, batches, at)
    for n = 1, batches do
        local items = {}
        for i = 1, BATCH do
            items[i] = { payload(n * BATCH + i), { at = at } }
        end
        queue.put_many(tube.name, items)
    end
end

local function batched(tube, payload)
    local put = written(BATCHED, 1, function() put_batches(tube, payload, BATCHED / BATCH) end)
    local ack = written(BATCHED, BATCHED / BATCH, function()
        local items = {}
        for i, task in ipairs(queue.take_many(tube.name, BATCH, 0)) do
            items[i] = { task[1], task[4] }
        end
        queue.ack_many(tube.name, items)
    end)
    return put, ack
end

-- Memory of the process for each task that waits for its moment. The tasks stay: memory that a tube has freed
-- would serve the next one, and not be seen.
local function memory(tube, payload)
    local due = fiber.time() + 86400
    -- The first ones let the heap of Lua grow to what a batch needs.
    put_batches(tube, payload, KEPT / BATCH / 10, due)
    collectgarbage()
    local before = resident_bytes()
    put_batches(tube, payload, KEPT / BATCH, due)
    collectgarbage()
    return (resident_bytes() - before) / KEPT
end

local kept = {}
for i, payload in ipairs(PAYLOADS) do
    kept[i] = memory(queue.create_tube('kept' .. i, 'fifottl'), payload)
end
local rows = {}
for i, payload in ipairs(PAYLOADS) do
    local tube = queue.create_tube('sizes' .. i, 'fifottl')
    local put, ack = alone(tube, payload)
    local put_batch, ack_batch = batched(tube, payload)
    rows[i] = { #msgpack.encode(payload(100000)), kept[i], put, ack, put_batch, ack_batch }
end
if arg[1] == 'json' then
    print(json.encode(rows))
else
    print(('Tarantool %s, bytes a task'):format(_TARANTOOL:match('^[%d.]+')))
    print('PAYLOAD  MEMORY  PUT  ACK  PUT IN 100  ACK IN 100')
    for _, row in ipairs(rows) do
        print(('%7d %7.0f %4.0f %4.0f %11.0f %11.0f'):format(unpack(row)))
    end
end
-- A failure leaves it for a look.
fio.rmtree(folder)
os.exit(0)
