-- The timer's part of recurring schedules: a tick's task and the move to the next tick are
-- one transaction, so a tick is neither lost nor put twice, whatever happens in between.

local clock = require('clock')
local log = require('log')
local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local put = require('tarantella.put')
local registry = require('tarantella.registry')
local rows = require('tarantella.ability.schedule_rows')
local ticks = require('tarantella.ability.schedule_ticks')
local timer = require('tarantella.timer')
local txn = require('tarantella.txn')

local MICRO = const.MICRO
-- Schedules that one commit serves, and missed ticks of one of them.
local PER_COMMIT, MISSED_PER_COMMIT = 200, 100
-- Between tries of a tick that cannot be put.
local FIRST_RETRY_S, LONGEST_RETRY_S = 1, 60
local MAX_ERROR_BYTES = 256

local run = {}

---Puts a task of a schedule.
---@param meta table to go with the task
---@return box.tuple [id, state, data]
function run.put(s, meta)
    local tube = registry.get(s.tube)
    if tube == nil or tube.is_dropped then
        errors.raise('TUBE_NOT_FOUND', ('Tube %s not found'):format(s.tube))
    elseif not tube.is_loaded then
        errors.raise('TUBE_NOT_FOUND', ('Tube %s is being loaded'):format(s.tube))
    elseif tube.store.is_vinyl then
        -- One transaction cannot have rows of both engines.
        errors.raise('INVALID_ARGUMENT', ('Tube %s is of the vinyl engine'):format(s.tube))
    end
    -- Checked anew: the tube may be another one of that name.
    local options = args.put_options(tube, s.rules.opts, true) or {}
    options.meta = meta
    local task = put.one(tube, s.data, options)
    if task == nil then
        errors.raise('QUEUE_FULL', ('Tube %s has its capacity of %s tasks'):format(s.tube, tube.capacity))
    end
    return task
end

-- A failed put leaves nothing of itself in the transaction.
local function try(s, tick)
    local savepoint = box.savepoint()
    local ok, cause = pcall(run.put, s, { schedule = s.name, tick = tick / MICRO })
    if not ok then
        txn.rollback_to(savepoint)
    end
    return ok, cause
end

local function failed(s, cause, now)
    local code, message = errors.describe(cause)
    s.error = ('%s: %s'):format(code, message):sub(1, MAX_ERROR_BYTES)
    if s.errors == 0 then
        log.warn('tarantella: schedule %s cannot put its task: %s', s.name, s.error)
    end
    s.errors = s.errors + 1
    local wait = math.min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ^ math.min(16, s.errors - 1))
    rows.settle(s, now + wait * MICRO)
end

-- One schedule, in a transaction; gives how many tasks it put.
local function fire(name, now, most)
    local s = rows.get(name)
    if s == nil or s.due == nil or s.due > now then
        return 0
    end
    if s.rules.limit ~= nil then
        most = math.min(most, s.rules.limit - s.count)
    end
    local list, seen = ticks.due(s, now, math.min(most, MISSED_PER_COMMIT))
    for i, tick in ipairs(list) do
        local ok, cause = try(s, tick)
        if not ok then
            failed(s, cause, now)
            rows.advance(s)
            return i - 1
        end
        s.seen, s.last, s.count = tick, tick, s.count + 1
    end
    s.seen, s.errors, s.error = seen, 0, nil
    -- What is left of a backlog stands behind those that are due already.
    rows.settle(s, now)
    rows.advance(s)
    return #list
end

local function fire_all(names, now)
    local rest, ends = const.ROWS_PER_COMMIT, clock.monotonic() + const.SLICE_S
    for _, name in ipairs(names) do
        rest = rest - fire(name, now, rest)
        if rest <= 0 or clock.monotonic() > ends then
            break
        end
    end
end

local function note_failure(name, cause, now)
    local s = rows.get(name)
    if s ~= nil and s.due ~= nil and s.due <= now then
        failed(s, cause, now)
        rows.advance(s)
    end
end

-- After a failed commit: each by itself, and one that fails waits for its next try.
local function fire_apart(names, now)
    for _, name in ipairs(names) do
        local ok, cause = pcall(box.atomic, fire, name, now, MISSED_PER_COMMIT)
        -- A conflict with another transaction is nobody's fault: it is tried again at once.
        if not ok and not (type(cause) == 'cdata' and cause.code == box.error.TRANSACTION_CONFLICT) then
            box.atomic(note_failure, name, cause, now)
        end
    end
end

---Puts what is due, one commit of it.
---@return number|nil seconds until the next tick, 0 when more is due at once
function run.run()
    local now = timer.wall_us()
    local names = rows.due(now, PER_COMMIT)
    if #names > 0 and not pcall(box.atomic, fire_all, names, now) then
        fire_apart(names, now)
    end
    local nearest = rows.nearest()
    return nearest ~= nil and math.max(0, (nearest - timer.wall_us()) / MICRO) or nil
end

return run
