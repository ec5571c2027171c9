-- Start with many stored tasks: `start.lua fill` makes them, `start.lua` starts with them
-- and prints the seconds until the first take and the longest time that another fiber
-- could not run, both counted from the end of Tarantool's own recovery.

local fio = require('fio')
local clock = require('clock')
local fiber = require('fiber')

local here = fio.dirname(fio.abspath(arg[0]))
package.path = ('%s/?.lua;%s'):format(here, package.path)

local TASKS = 1000000
box.cfg({
    work_dir = os.getenv('TARANTELLA_DATA_DIR'), log = 'log', log_level = 4, feedback_enabled = false,
    memtx_memory = 1024 * 1024 * 1024, checkpoint_count = 1,
})
local cases = require('cases')
local open = require('subjects')[os.getenv('BENCH_SUBJECT')]

if arg[1] == 'fill' then
    cases.fill(open('start', 'fifottl'), TASKS)
    box.snapshot()
    os.exit(0)
end

local largest, last = 0, clock.monotonic()
fiber.create(function()
    while true do
        fiber.sleep(0)
        local now = clock.monotonic()
        largest = math.max(largest, now - last)
        last = now
    end
end)
local before, from = cases.resident(), clock.monotonic()
last = from
local tube = open('start', 'fifottl')
local task = tube.take()
while task == nil do
    fiber.sleep(0)
    task = tube.take()
end
local seconds = clock.monotonic() - from
fiber.sleep(0)
collectgarbage()
collectgarbage()
print(('%.4f %.4f %.1f'):format(seconds, largest, (cases.resident() - before) / TASKS))
os.exit(0)
