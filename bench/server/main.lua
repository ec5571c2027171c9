-- One subject of the benchmark in a server of its own. The driver (bench/server.ts) calls
-- bench_run; start.lua and memory.lua are runs of their own.

local fio = require('fio')

local here = fio.dirname(fio.abspath(arg[0]))
package.path = ('%s/?.lua;%s'):format(here, package.path)

box.cfg({
    work_dir = os.getenv('TARANTELLA_DATA_DIR'), log = 'log', log_level = 4, feedback_enabled = false,
    memtx_memory = 1024 * 1024 * 1024, net_msg_max = 20000,
})
local clock = require('clock')
local fiber = require('fiber')
if fiber.set_max_slice ~= nil then
    -- A take of tarantool/queue can look at tasks for longer than a second.
    fiber.set_max_slice(600)
end
local cases = require('cases')
local open = require('subjects')[os.getenv('BENCH_SUBJECT')]

local tubes = {}
local function tube(name, kind)
    if tubes[name] == nil then
        tubes[name] = open(name, kind or 'fifottl')
    end
    return tubes[name]
end

local BEHIND = 100000
local LANES = 10000
-- CPU time that the server has between the moment at which all lives are over and the
-- first take; less if it has nothing to do any more. Not by the clock on the wall, for
-- then a machine with other work would be measured.
local SETTLE_CPU_S, IDLE_CPU_S, TURN_S = 0.25, 0.001, 0.01

local function settle()
    local from, before = clock.thread(), nil
    repeat
        before = clock.thread()
        fiber.sleep(TURN_S)
        local now = clock.thread()
    until now - before < IDLE_CPU_S or now - from >= SETTLE_CPU_S
end

-- So many tasks of a lane that is busy in front of those that can be taken.
local function lane(behind)
    return function(t)
        cases.fill(t, behind, function() return { utube = 'busy', pri = 0 } end)
        t.take()
        cases.fill(t, 3000, function(i) return { utube = 'free' .. i, pri = 1 } end)
    end
end

-- States to measure takes in; each leaves tasks that can be taken at once behind it.
local backlogs = {
    empty = function(t) cases.fill(t, 3000) end,
    lane = lane(BEHIND),
    lane_1000 = lane(1000),
    lane_10000 = lane(10000),
    lanes = function(t)
        cases.fill(t, 2 * LANES, function(i) return { utube = 'busy' .. i % LANES, pri = 0 } end)
        for _ = 1, LANES do
            t.take()
        end
        cases.fill(t, 3000, function(i) return { utube = 'free' .. i, pri = 1 } end)
    end,
    -- From the moment on at which all of them are over.
    expired = function(t)
        local ends = clock.realtime() + 4
        cases.fill(t, BEHIND, function() return { ttl = math.max(0, ends - clock.realtime()), pri = 0 } end)
        cases.fill(t, 3000, function() return { pri = 1 } end)
        fiber.sleep(math.max(0, ends - clock.realtime()) + TURN_S)
        settle()
    end,
}

local run = {}
require('flow-cases')(cases, run, open)

function run.cycle(n) return cases.cycle(tube('cycle'), n) end
function run.batch(n) return cases.batch(tube('batch'), n) end
function run.put_real(n) return cases.put_real(tube('put_real'), n) end
function run.empty_take(n) return cases.empty_take(tube('empty'), n) end

-- A cycle of tubes with an ability, by the options that ask for it.
local ABLE = {
    events = { events = true }, failure = { max_attempts = 3 }, dedup = { dedup = true },
    results = { keep = { count = 1000 } },
}
local last_key = 0
local PUT_OPTIONS = {
    dedup = function()
        last_key = last_key + 1
        return { key = last_key }
    end,
}
for name, opts in pairs(ABLE) do
    run['cycle_' .. name] = function(n)
        tubes[name] = tubes[name] or open('able_' .. name, 'fifottl', opts)
        return cases.cycle(tubes[name], n, PUT_OPTIONS[name])
    end
end

function run.cycle_flows(n)
    tubes.flows = tubes.flows or open('able_flows', 'fifottl', { flows = true })
    return cases.flows(tubes.flows, 'able_flows', n)
end

function run.publish(n) return cases.publish(tube, n) end
function run.schedules(n) return cases.schedules(tube('ticked'), n) end

function run.statistics(n)
    local full = tubes.full
    if full == nil then
        full = tube('full')
        cases.fill(full, BEHIND)
    end
    return cases.statistics(full, n)
end

for name, prepare in pairs(backlogs) do
    run['take_' .. name] = function(n)
        local t = open('take_' .. name, 'utubettl')
        t.truncate()
        prepare(t)
        local done, seconds, cpu = cases.takes(t, n)
        t.truncate()
        return done, seconds, cpu
    end
end

rawset(_G, 'bench_run', function(name, operations)
    collectgarbage()
    return run[name](operations)
end)

box.schema.user.grant('guest', 'super', nil, nil, { if_not_exists = true })
box.cfg({ listen = os.getenv('TARANTELLA_LISTEN') })
io.stdout:write('the server is ready\n')
io.stdout:flush()
