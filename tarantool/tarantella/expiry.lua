-- What is due in one tube: a bounded part of it per call.

local log = require('log')
local commit = require('tarantella.commit')
local const = require('tarantella.const')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')
local transition = require('tarantella.transition')

local MICRO = const.MICRO
-- Until the next try to delete a row whose deletion failed.
local RETRY_US = MICRO

local expiry = {}

-- Leases that ran out: their tasks are ready again.
local function end_leases(tube, now)
    local sched = tube.sched
    local steps = 0
    while steps < const.SLICE_STEPS do
        local n = sched.leases:top()
        if n == 0 or sched:due(n) > now then
            break
        end
        tube:lapse(sched, n)
        tube.calls.ttr = tube.calls.ttr + 1
        steps = steps + 1
    end
end

-- A delay that ended: nothing is written, for the row says until when it was.
local function end_delay(tube, sched, n)
    local tuple = tube.store:get(sched:id(n))
    sched:unlink(n)
    if tuple == nil then
        sched:forget(n)
        return
    end
    sched:settle(n, schedule.READY, sched:pri(n), row.dead(tuple) or 0)
    tube.calls.delay = tube.calls.delay + 1
end

-- Ends delays, and gives the records whose lives are over, up to one commit of them.
local function end_delays(tube, now)
    local sched = tube.sched
    local over = {}
    local steps = 0
    while steps < const.SLICE_STEPS and #over < const.ROWS_PER_COMMIT do
        local n = sched.dues:top()
        if n == 0 or sched:due(n) > now then
            break
        end
        if sched:state(n) == schedule.DELAYED then
            end_delay(tube, sched, n)
        else
            -- Out of the heap here; `commit` unlinks it again, which changes nothing.
            sched.dues:remove(n)
            table.insert(over, n)
        end
        steps = steps + 1
    end
    return over
end

-- After a failed batch: one row at a time, and a row that fails waits for its next turn.
local function delete_apart(tube, sched, over)
    for _, n in ipairs(over) do
        local ok, cause = pcall(commit.one, tube, transition.expire, n)
        if not ok then
            log.warn('tarantella: task %s of tube %s has expired and cannot be deleted yet: %s',
                sched:id(n), tube.name, tostring(cause))
            if sched == tube.sched and sched:state(n) ~= 0 and not sched:is_busy(n) then
                sched:unlink(n)
                sched:relink(n, timer.wall_us() + RETRY_US)
            end
        end
    end
end

local function delete_expired(tube, over)
    local sched = tube.sched
    local steps = {}
    for i, n in ipairs(over) do
        steps[i] = transition.expire
        sched:mark_expired(n)
    end
    -- The batch drops what it could not name from its list; `over` stays whole.
    local failures = {}
    local ok = pcall(commit.many, tube, steps, table.copy(over), {}, #over, failures)
    local again = {}
    for i, n in ipairs(over) do
        if not ok or failures[i] ~= nil then
            table.insert(again, n)
        end
    end
    if #again > 0 then
        delete_apart(tube, sched, again)
    end
end

---@return number seconds until the next moment of this tube, 0 when more is due at once
function expiry.run(tube)
    if not tube.is_loaded or tube.is_dropped then
        return math.huge
    end
    local wall, monotonic = timer.wall_us(), timer.monotonic_us()
    end_leases(tube, monotonic)
    local over = end_delays(tube, wall)
    tube:serve()
    if #over > 0 then
        delete_expired(tube, over)
    end
    local sched = tube.sched
    local nearest = math.huge
    local n = sched.dues:top()
    if n ~= 0 then
        nearest = math.min(nearest, (sched:due(n) - timer.wall_us()) / MICRO)
    end
    n = sched.leases:top()
    if n ~= 0 then
        nearest = math.min(nearest, (sched:due(n) - timer.monotonic_us()) / MICRO)
    end
    return math.max(0, nearest)
end

return expiry
