-- What is measured inside of the server. Rates give (operations, seconds, CPU seconds of
-- the tx thread); the others prepare a state once and give figures of it.

local clock = require('clock')
local fiber = require('fiber')

local cases = {}

local CYCLE_FIBERS, BATCH_FIBERS, BATCH = 50, 10, 100
-- Tubes of a topic.
local FAN_OUT = 10
-- Enough for making the schedules.
local SCHEDULES_AHEAD_S = 2

-- A map of nine fields, nested, 230 bytes as MessagePack.
local function real_payload(i)
    return {
        user = 100000 + i, locale = 'pt-BR', zone = 'America/Sao_Paulo', title = 'Your horoscope is here',
        text = 'Mars enters your sign today: a good moment to begin something new.',
        data = { badge = 1, silent = false, deep_link = 'app://horoscope/today' },
        tokens = { 'a1b2c3d4', 'e5f6a7b8' }, tries = 0, urgent = true,
    }
end

local function payload(i)
    return { user = i, text = 'Your horoscope is here' }
end
cases.payload = payload

-- Runs `step(n)` of `n` operations each in `fibers` fibers until all are done.
local function share(fibers, operations, per_step, step)
    local ended = fiber.channel(fibers)
    local left = operations
    local cpu, wall = clock.thread(), clock.monotonic()
    for _ = 1, fibers do
        fiber.create(function()
            local ok, cause = pcall(function()
                while left > 0 do
                    left = left - per_step
                    step(per_step)
                end
            end)
            ended:put(ok or tostring(cause))
        end)
    end
    for _ = 1, fibers do
        local result = ended:get()
        if result ~= true then
            error(result)
        end
    end
    return operations, clock.monotonic() - wall, clock.thread() - cpu
end

-- Acks what a run has left: a cycle takes whatever task is first.
local function drain(tube)
    local task = tube.take()
    while task ~= nil do
        tube.ack(task)
        task = tube.take()
    end
end

---@param options function|nil giving those of a put
function cases.cycle(tube, operations, options)
    local done, seconds, cpu = share(CYCLE_FIBERS, operations, 1, function()
        tube.put(payload(1), options and options())
        local task = tube.take()
        if task ~= nil then
            tube.ack(task)
        end
    end)
    drain(tube)
    return done, seconds, cpu
end

function cases.batch(tube, operations)
    local list = {}
    for i = 1, BATCH do
        list[i] = payload(i)
    end
    local items = tube.items(list)
    local done, seconds, cpu = share(BATCH_FIBERS, operations, BATCH, function()
        tube.put_many(items)
        local tasks = tube.take_many(BATCH)
        if #tasks > 0 then
            tube.ack_many(tasks)
        end
    end)
    drain(tube)
    return done, seconds, cpu
end

function cases.put_real(tube, operations)
    local list = {}
    for i = 1, BATCH do
        list[i] = real_payload(i)
    end
    local items = tube.items and tube.items(list)
    local done, seconds, cpu = share(BATCH_FIBERS, operations, BATCH, function()
        if tube.put_many ~= nil then
            tube.put_many(items)
        else
            for i = 1, BATCH do
                tube.put(list[i])
            end
        end
    end)
    tube.truncate()
    return done, seconds, cpu
end

-- Takes one task after another in one fiber; nothing waits for the WAL but the acks
-- that stand outside of the clock.
function cases.takes(tube, operations)
    local cpu, wall = 0, 0
    for _ = 1, operations do
        local from_cpu, from_wall = clock.thread(), clock.monotonic()
        local task = tube.take()
        wall = wall + clock.monotonic() - from_wall
        cpu = cpu + clock.thread() - from_cpu
        if task == nil then
            error('a take found nothing')
        end
        tube.ack(task)
    end
    return operations, wall, cpu
end

function cases.empty_take(tube, operations)
    local cpu, wall = clock.thread(), clock.monotonic()
    for _ = 1, operations do
        tube.take()
    end
    return operations, clock.monotonic() - wall, clock.thread() - cpu
end

function cases.statistics(tube, operations)
    local cpu, wall = clock.thread(), clock.monotonic()
    for _ = 1, operations do
        tube.statistics()
    end
    return operations, clock.monotonic() - wall, clock.thread() - cpu
end

-- In transactions of many, where a subject can join one.
function cases.fill(tube, count, options)
    local done = 0
    while done < count do
        box.begin()
        for i = done + 1, math.min(count, done + 500) do
            tube.put('x', options and options(i))
        end
        box.commit()
        done = done + 500
    end
end

-- Tasks that reach the tubes of a topic; an operation is one of them.
function cases.publish(tube, operations)
    for i = 1, FAN_OUT do
        tube('fan_' .. i)
        queue.subscribe('fan', 'fan_' .. i)
    end
    local done, seconds, cpu = share(BATCH_FIBERS, operations, FAN_OUT, function()
        queue.publish('fan', payload(1))
    end)
    for i = 1, FAN_OUT do
        tube('fan_' .. i).truncate()
    end
    return done, seconds, cpu
end

-- Flows of a parent and two children. An operation is one of their tasks, put, taken and acked.
function cases.flows(tube, name, operations)
    local TASKS = 3
    local done, seconds, cpu = share(CYCLE_FIBERS, operations, TASKS, function()
        queue.put_flow({ tube = name, data = payload(1), children = {
            { tube = name, data = payload(2) }, { tube = name, data = payload(3) },
        } })
        for _ = 1, TASKS do
            local task = tube.take()
            if task ~= nil then
                tube.ack(task)
            end
        end
    end)
    while tube.statistics().tasks.total > 0 do
        drain(tube)
        fiber.sleep(0)
    end
    return done, seconds, cpu
end

-- Schedules that are all due at one moment: from then on until each has put its task.
function cases.schedules(tube, operations)
    local start = clock.realtime() + SCHEDULES_AHEAD_S
    for from = 1, operations, 500 do
        box.atomic(function()
            for i = from, math.min(operations, from + 499) do
                queue.schedule('s' .. i, { tube = 'ticked', data = payload(i), ticks = { start } })
            end
        end)
    end
    fiber.sleep(math.max(0, start - clock.realtime()))
    local cpu, wall = clock.thread(), clock.monotonic()
    while tube.statistics().tasks.total < operations do
        fiber.sleep(0.001)
    end
    local seconds, cpu_seconds = clock.monotonic() - wall, clock.thread() - cpu
    tube.truncate()
    return operations, seconds, cpu_seconds
end

-- Bytes of resident memory of this process.
function cases.resident()
    for line in io.lines('/proc/self/status') do
        local kib = line:match('^VmRSS:%s+(%d+)')
        if kib then
            return tonumber(kib) * 1024
        end
    end
end

return cases
