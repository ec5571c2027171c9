-- What is due in one tube: a bounded part of it per call.

local log = require('log')
local commit = require('tarantella.commit')
local const = require('tarantella.const')
local lapse = require('tarantella.lapse')
local row = require('tarantella.row')
local scan = require('tarantella.scan')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')
local transition = require('tarantella.transition')

local MICRO = const.MICRO
-- Until the next try to delete a row whose deletion failed.
local RETRY_US = MICRO
-- Until the second look at a tube that has more rows than tasks.
local MEND_S = 0.1

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
        local id = sched:id(n)
        lapse.one(tube, sched, n)
        tube.calls.ttr = tube.calls.ttr + 1
        tube:note(id, const.READY, 'ttr')
        steps = steps + 1
    end
end

-- A delay that ended: nothing is written, for the row says until when it was.
local function end_delay(tube, sched, n)
    local id = sched:id(n)
    -- Out of sight first: for vinyl the read yields.
    sched:unlink(n)
    local ok, tuple = pcall(tube.store.get, tube.store, id)
    if not ok then
        sched:relink(n, timer.wall_us() + RETRY_US)
        error(tuple, 0)
    elseif tuple == nil then
        sched:forget(n)
        return
    end
    sched:settle(n, schedule.READY, sched:pri(n), row.dead(tuple) or 0)
    tube.calls.delay = tube.calls.delay + 1
    tube:note(id, const.READY, 'delay')
end

-- Ends delays, and takes tasks whose lives are over out of the way of takes: all of them
-- before the first is deleted, since that waits for the WAL.
---@return boolean whether more is due
local function end_dues(tube, now)
    local sched = tube.sched
    for _ = 1, const.SLICE_STEPS do
        local n = sched.dues:top()
        if n == 0 or sched:due(n) > now then
            return false
        end
        if sched:state(n) == schedule.DELAYED then
            end_delay(tube, sched, n)
        else
            sched:mark_expired(n)
        end
    end
    return true
end

-- Records to delete, up to one commit of them. They are out of their heap then; `commit`
-- unlinks them again, which changes nothing.
local function pop_over(sched, now)
    local over = {}
    while #over < const.ROWS_PER_COMMIT do
        local n = sched.over:top()
        if n == 0 or sched:due(n) > now then
            break
        end
        sched.over:remove(n)
        table.insert(over, n)
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
    for i in ipairs(over) do
        steps[i] = transition.expire
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

local function seconds_until(sched, heap, now)
    local n = heap:top()
    return n ~= 0 and (sched:due(n) - now) / MICRO or math.huge
end

---@return number seconds until the next moment of this tube, 0 when more is due at once
function expiry.run(tube)
    if not tube.is_loaded or tube.is_dropped then
        return math.huge
    end
    local wall, monotonic = timer.wall_us(), timer.monotonic_us()
    scan.mend(tube, wall)
    end_leases(tube, monotonic)
    local more = end_dues(tube, wall)
    tube:serve()
    if more then
        return 0
    end
    local over = pop_over(tube.sched, wall)
    if #over > 0 then
        delete_expired(tube, over)
    end
    local sched = tube.sched
    wall, monotonic = timer.wall_us(), timer.monotonic_us()
    local nearest = math.min(seconds_until(sched, sched.dues, wall), seconds_until(sched, sched.over, wall),
        seconds_until(sched, sched.leases, monotonic))
    if tube.missing > 0 then
        nearest = math.min(nearest, MEND_S)
    end
    return math.max(0, nearest)
end

return expiry
