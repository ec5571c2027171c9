-- What happens by itself: delays end, lives end, leases run out, sessions end.
--
-- One fiber serves all tubes. It sleeps until the nearest of these moments and is
-- woken early only by a nearer one. A delay's end and a lease's end write nothing;
-- lives end in commits of hundreds of rows.

local clock = require('clock')
local fiber = require('fiber')
local log = require('log')
local const = require('tarantella.const')

local MICRO = const.MICRO
-- The wall clock may be set forward while the fiber sleeps.
local LONGEST_SLEEP_S = 60
-- Before the next try of what failed.
local RETRY_S = 1

local timer = {}

local wake = fiber.cond()
-- Until when the fiber sleeps, on both clocks, in microseconds; 0 while it is awake.
local sleeps_wall, sleeps_monotonic = 0, 0
-- Whether the fiber was told of something while it was awake, maybe behind its back.
local was_called = false
local worker = nil

---Tells of a moment that became the nearest of its tube.
---@param due number microseconds
---@param is_lease boolean on the monotonic clock, else on the wall clock
function timer.nudge(due, is_lease)
    if sleeps_wall == 0 then
        was_called = true
    elseif due < (is_lease and sleeps_monotonic or sleeps_wall) then
        wake:signal()
    end
end

function timer.wall_us()
    local now = math.floor(clock.realtime() * MICRO)
    return now
end

---The wall clock as the event loop saw it last, some milliseconds ago at most. A life
---begins by it, so that it is over for a fiber that has slept as long.
function timer.loop_us()
    local now = math.floor(fiber.time() * MICRO)
    return now
end

function timer.monotonic_us()
    local now = math.floor(clock.monotonic() * MICRO)
    return now
end

local function sleep(seconds)
    seconds = math.min(seconds, LONGEST_SLEEP_S)
    if seconds <= 0 then
        fiber.sleep(0)
        return
    end
    sleeps_wall = timer.wall_us() + seconds * MICRO
    sleeps_monotonic = timer.monotonic_us() + seconds * MICRO
    wake:wait(seconds)
    -- Here and after every other wait: on 2.6 one that is cancelled returns and raises nothing.
    fiber.testcancel()
    sleeps_wall, sleeps_monotonic = 0, 0
end

-- One pass over all tubes: seconds until the next moment.
local function pass(tubes, expire, jobs)
    local nearest = LONGEST_SLEEP_S
    for _, tube in pairs(tubes()) do
        local ok, result = pcall(expire, tube)
        if ok then
            nearest = math.min(nearest, result)
        else
            log.error('tarantella: timer of tube %s: %s', tube.name, tostring(result))
            nearest = math.min(nearest, RETRY_S)
        end
    end
    for name, job in pairs(jobs) do
        local ok, result = pcall(job)
        if not ok then
            log.error('tarantella: timer, %s: %s', name, tostring(result))
        end
        nearest = math.min(nearest, ok and result or not ok and RETRY_S or nearest)
    end
    return nearest
end

local function run(tubes, expire, jobs)
    fiber.name('tarantella_timer', { truncate = true })
    while true do
        was_called = false
        local seconds = pass(tubes, expire, jobs)
        sleep(was_called and 0 or seconds)
    end
end

---@param tubes function giving the tubes to serve, as a table
---@param expire function(tube) doing a bounded part of what is due; gives the seconds until the next moment
---@param jobs table name → function() doing a bounded part of what is due; gives seconds too, or nil
function timer.start(tubes, expire, jobs)
    if worker == nil or worker:status() == 'dead' then
        worker = fiber.create(run, tubes, expire, jobs)
    end
end

function timer.stop()
    if worker ~= nil and worker:status() ~= 'dead' then
        worker:cancel()
    end
    worker = nil
    -- It may have been cancelled in its sleep.
    sleeps_wall, sleeps_monotonic = 0, 0
end

---Makes the fiber look again at once.
function timer.kick()
    was_called = true
    wake:signal()
end

return timer
