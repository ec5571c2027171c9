-- Leases that ended without a word count as failed attempts. The end of a lease must not
-- write, so the tasks are kept here, in no order and held by nobody, until the timer
-- commits them by the hundreds. Until then, and afterwards while they wait for their next
-- attempt, the last token still opens an ack. What is kept here when the instance stops
-- has not been counted, and is ready at the next start as every taken task is.

local fiber = require('fiber')
local log = require('log')
local attempt = require('tarantella.ability.attempt')
local commit = require('tarantella.commit')
local const = require('tarantella.const')
local owners = require('tarantella.schedule.owners')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local session = require('tarantella.session')
local timer = require('tarantella.timer')

local NOBODY = owners.NOBODY
-- Before the next try of what failed.
local RETRY_S = 1

local lapsed = {}

local waiting = {} -- tube → list of { id, token, error }
local reasons = {} -- token → error, while a commit is under way that may fail
local retry_at = 0

---Hook `lapse`, see abilities.lua.
---@return boolean true
function lapsed.keep(tube, sched, n)
    local owner, token = sched:lease_of(n)
    local why = session.is_alive(owner) and 'the time to run is over' or reasons[token] or 'the session has ended'
    sched:extend(n, 0)
    sched.owners:leave(n)
    sched.owners:join(n, NOBODY)
    local list = waiting[tube]
    if list == nil then
        list = {}
        waiting[tube] = list
    end
    table.insert(list, { sched:id(n), token, why })
    timer.kick()
    return true
end

-- The record of a kept task, if nobody has acked or released it meanwhile; else 0.
local function record_of(sched, id, token)
    local n = sched:find(id)
    if n == 0 or sched:is_busy(n) or sched:state(n) ~= schedule.TAKEN then
        return 0
    end
    local owner, held = sched:lease_of(n)
    return owner == NOBODY and held == token and n or 0
end

-- Without the count, rather than not at all.
local function give_up(tube, id, token, cause)
    local sched = tube.sched
    local n = record_of(sched, id, token)
    if n == 0 then
        return
    end
    log.warn('tarantella: a failed attempt of task %s of tube %s is not counted: %s', id, tube.name, tostring(cause))
    local tuple = tube.store:get(id)
    if tuple == nil then
        sched:unlink(n)
        sched:forget(n)
    else
        sched:lapse(n, row.pri(tuple), row.dead(tuple) or 0)
    end
end

local function take_some(list)
    local some = {}
    while #list > 0 and #some < const.ROWS_PER_COMMIT do
        table.insert(some, table.remove(list))
    end
    return some
end

local function write(tube, some)
    local sched = tube.sched
    local steps, ns, arguments, failures, known = {}, {}, {}, {}, {}
    for i, item in ipairs(some) do
        local n = record_of(sched, item[1], item[2])
        local tuple = n ~= 0 and not known[n] and tube.store.pk:get(item[1]) or nil
        if tuple ~= nil then
            known[n], ns[i] = true, n
            steps[i], arguments[i] = attempt.plan(tube, tuple, { error = item[3], token = item[2] })
            reasons[item[2]] = item[3]
        elseif n ~= 0 and not known[n] then
            sched:unlink(n)
            sched:forget(n)
        end
    end
    if next(ns) == nil then
        return
    end
    -- A commit that fails gives the tasks to `keep` again.
    local ok, cause = pcall(commit.many, tube, steps, ns, arguments, #some, failures)
    for _, item in ipairs(some) do
        reasons[item[2]] = nil
    end
    if not ok then
        error(cause, 0)
    end
    for i, failure in pairs(failures) do
        give_up(tube, some[i][1], some[i][2], failure)
    end
    tube:serve()
end

---`run` of an ability, see abilities.lua.
function lapsed.run()
    if fiber.clock() < retry_at then
        return retry_at - fiber.clock()
    end
    for tube, list in pairs(table.copy(waiting)) do
        if #list == 0 or tube.is_dropped then
            waiting[tube] = nil
        else
            local ok, cause = pcall(write, tube, take_some(list))
            if not ok then
                retry_at = fiber.clock() + RETRY_S
                error(cause, 0)
            end
        end
    end
    return next(waiting) ~= nil and 0 or nil
end

---Hook `closed`: the tube's schedule is no more.
function lapsed.forget(tube)
    waiting[tube] = nil
end

return lapsed
