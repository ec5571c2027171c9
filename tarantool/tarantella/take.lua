-- Takes: leasing what is ready, or waiting for it. Nothing is written.

local fiber = require('fiber')
local claim = require('tarantella.claim')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local lease = require('tarantella.lease')
local reply = require('tarantella.reply')
local row = require('tarantella.row')
local session = require('tarantella.session')
local timer = require('tarantella.timer')
local waiters = require('tarantella.schedule.waiters')

local take = {}

-- Expired tasks that the timer has not seen yet and a take gets past in one turn; then it
-- lets others run and goes on.
local MAX_EXPIRED = 100

-- The next task that a take may have: record and row, which is good until the next
-- call into box. Gives 0 when there is none.
local function next_task(tube, now, lane)
    local sched = tube.sched
    -- A take cannot yield in the middle of the caller's transaction.
    for _ = 1, box.is_in_txn() and math.huge or MAX_EXPIRED do
        local n = sched:next_ready(lane)
        if n == 0 then
            return 0
        end
        local due = sched:due(n)
        if due ~= 0 and due <= now then
            -- The timer deletes it.
            sched:mark_expired(n)
        else
            local tuple = tube.store:get(sched:id(n))
            if tuple then
                return n, tuple
            elseif box.is_in_txn() then
                -- The caller's transaction does not see the row; others may.
                return 0
            end
            sched:unlink(n)
            sched:forget(n)
        end
    end
    return 0
end

-- Leases a record to a connection; gives the token.
local function give(tube, connection, n, tuple)
    local sched = tube.sched
    local ends = tube:lease_end(tuple, sched:due(n))
    local token = lease.next_token()
    if tube.flow ~= nil then
        tube.flow:admit(sched, n)
    end
    sched:lease(n, connection.owner.number, token, ends)
    tube.calls.take = tube.calls.take + 1
    return token
end

local function collect_one(tube, connection, want)
    local wall = timer.wall_us()
    local n, tuple = next_task(tube, wall, want.lane)
    if n == 0 then
        return nil
    end
    local id = tube.sched:id(n)
    local token = give(tube, connection, n, tuple)
    if want.attempts then
        return reply.task(tuple, id, const.TAKEN, token, row.attempts(tuple) + 1)
    end
    local task = reply.task(tuple, id, const.TAKEN, want.token and token or nil)
    return task
end

local function collect_many(tube, connection, want)
    local wall = timer.wall_us()
    local n, tuple = next_task(tube, wall, want.lane)
    if n == 0 then
        return nil
    end
    reply.open()
    for _ = 1, want.n do
        local id = tube.sched:id(n)
        local token = give(tube, connection, n, tuple)
        reply.add_task(tuple, id, const.TAKEN, token, want.attempts and row.attempts(tuple) + 1)
        if reply.size() >= const.MAX_REPLY_BYTES then
            break
        end
        n, tuple = next_task(tube, wall, want.lane)
        if n == 0 then
            break
        end
    end
    return reply.close()
end

local function collect(tube, connection, want)
    if tube.is_careful then
        return claim.collect(tube, connection, want)
    end
    return want.collect(tube, connection, want)
end

local function line_of(tube, want)
    return want.lane ~= nil and tube:line_of(want.lane) or tube.waiters
end

-- More may be ready than those who have waited longer can use.
local function is_free(tube, want)
    if want.lane ~= nil then
        return tube.lines[want.lane] == nil
    end
    return tube:waiting() == 0
        or tube.sched:available() - tube.lanes_total.promised > tube.waiters.promised
end

local function serve(tube, want)
    if want.lane ~= nil then
        tube:serve_lane(want.lane)
    end
    tube:serve()
end

-- Stands in line once: the reply, or nil, and whether to stand in line again.
local function wait_turn(tube, connection, want, deadline, ahead)
    local line = line_of(tube, want)
    local waiter = line:add(connection, want.n, ahead)
    connection.waits[waiter] = line
    if want.key ~= nil then
        connection.takes[want.key] = { line = line, waiter = waiter }
    end
    serve(tube, want)
    local ok, cause = pcall(waiters.park, waiter, deadline)
    line:remove(waiter)
    if want.lane ~= nil and line.n == 0 then
        tube.lines[want.lane] = nil
    end
    connection.waits[waiter] = nil
    if want.key ~= nil then
        connection.takes[want.key] = nil
    end
    local result
    if ok and waiter.woken and not waiter.ended and not connection.closed then
        ok, result = pcall(collect, tube, connection, want)
        cause = result
    end
    -- What was promised to this one and not used is for the next.
    serve(tube, want)
    if not ok then
        error(cause, 0)
    end
    return result, waiter.woken and not waiter.ended and not tube.is_dropped
end

-- `want`: { collect, is_many, n, token, key, lane, attempts }.
local function run(tube, want, timeout_s)
    local connection = session.current()
    if connection.closed then
        return nil
    end
    if want.key ~= nil and connection.takes[want.key] ~= nil then
        errors.raise('INVALID_ARGUMENT', 'Expected `key` to be unique among the waiting takes of a connection')
    end
    local first = is_free(tube, want) and tube.sched:next_ready(want.lane) or 0
    while first ~= 0 do
        local result = collect(tube, connection, want)
        if result then
            return result
        end
        -- Goes on behind expired tasks; whatever else stands there is not for this take.
        local before = first
        first = is_free(tube, want) and tube.sched:next_ready(want.lane) or 0
        if first == before or box.is_in_txn() then
            break
        end
        fiber.sleep(0)
        if connection.closed or tube.is_dropped then
            return nil
        end
    end
    -- Waiting would end the caller's transaction.
    if timeout_s == 0 or box.is_in_txn() then
        return nil
    end
    if tube:waiting() >= const.MAX_WAITERS then
        errors.raise('TOO_MANY_WAITERS', ('No more than %d takes can wait for a tube'):format(const.MAX_WAITERS))
    end
    local deadline = fiber.clock() + (timeout_s or const.MAX_DURATION_S)
    local result, again = wait_turn(tube, connection, want, deadline, false)
    while result == nil and again and fiber.clock() < deadline do
        result, again = wait_turn(tube, connection, want, deadline, true)
    end
    return result
end

-- Nothing in these changes, so all takes of one task share them.
local ONE = { collect = collect_one, n = 1, token = false }
local ONE_WITH_TOKEN = { collect = collect_one, n = 1, token = true }

---@param timeout_s number|nil seconds to wait, nil for ever
---@param with_token boolean
---@param lane string|nil only of this lane
---@param with_attempts boolean|nil adds the token, and which attempt this is
---@return box.tuple|nil task
function take.one(tube, timeout_s, with_token, lane, with_attempts)
    if lane ~= nil or with_attempts then
        return run(tube, {
            collect = collect_one, n = 1, token = with_token, lane = lane, attempts = with_attempts,
        }, timeout_s)
    end
    return run(tube, with_token and ONE_WITH_TOKEN or ONE, timeout_s)
end

---@param n integer most tasks
---@param key string|number|nil by which `cancel` finds this take
---@param lane string|nil only of this lane
---@param with_attempts boolean|nil adds which attempt each is
---@return box.tuple tasks, maybe none
function take.many(tube, n, timeout_s, key, lane, with_attempts)
    local want = {
        collect = collect_many, is_many = true, n = n, key = key, lane = lane, attempts = with_attempts,
    }
    local result = run(tube, want, timeout_s)
    if result == nil then
        reply.open()
        return reply.close()
    end
    return result
end

---Ends a waiting take of the caller's connection.
---@return boolean whether there was one
function take.cancel(key)
    local waiting = session.current().takes[key]
    if waiting == nil or waiting.waiter.ended then
        return false
    end
    waiting.line:finish(waiting.waiter)
    return true
end

return take
