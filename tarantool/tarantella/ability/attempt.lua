-- A failed attempt: what becomes of the task, and how its row says so.
--
-- Beside the payload, in the row's `meta`:
--   attempts, error, failed        how often, why last, when last (seconds since 1970)
--   max_attempts, backoff          only of tasks that were put with these
--   origin                         of a dead task, in the tube to which it was moved:
--     { tube, id, attempts, error, failed, pri, ttr (seconds), utube, meta = what else its meta had }

local fiber = require('fiber')
local backoff = require('tarantella.ability.backoff')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local payload = require('tarantella.payload')
local put = require('tarantella.put')
local registry = require('tarantella.registry')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')
local txn = require('tarantella.txn')

local attempt = {}

local function count(tube, call)
    tube.calls[call] = (tube.calls[call] or 0) + 1
end

---Moves a task to another tube, in the transaction of the caller. Nothing of it stays
---when it raises.
---@param options table of the put
---@return box.tuple|nil the row that is gone, nil if there is none
function attempt.move(tube, id, to, options)
    local tuple = tube.store.pk:get(id)
    if tuple == nil then
        return nil
    end
    local savepoint = box.savepoint()
    local ok, cause = pcall(function()
        tube.store:delete(id)
        local task = put.one(to, payload.of(tuple), options)
        if task == nil then
            errors.raise('QUEUE_FULL', ('Tube %s has its capacity of %s tasks'):format(to.name, tostring(to.capacity)))
        elseif #task > 3 then
            errors.raise('DUPLICATE_KEY', ('Tube %s has a task with this key'):format(to.name))
        end
    end)
    if not ok then
        txn.rollback_to(savepoint)
        error(cause, 0)
    end
    return tuple
end

-- Options of the put into the dead-letter tube.
local function dead_options(tube, to, tuple, meta)
    local known = to.preset.options
    local origin = {
        tube = tube.name, id = tuple.id, attempts = meta.attempts, error = meta.error, failed = meta.failed,
        -- With `aging` the row's own has the time in it.
        pri = meta.pri or tuple.pri, utube = tuple.lane, ttr = tuple.ttr and tonumber(tuple.ttr) / const.MICRO,
    }
    meta.attempts, meta.error, meta.failed, meta.pri = nil, nil, nil, nil
    origin.meta = next(meta) ~= nil and meta or nil
    return { pri = known.pri and origin.pri or nil, meta = { origin = origin } }
end

local function changes(arg, state, due)
    return {
        { '=', 'state', state }, { '=', 'due', due or box.NULL }, { '=', 'meta', arg.meta },
    }
end

-- The token of a lease that ended by itself opens a late ack; one that failed by word opens nothing.
local function settle(tube, sched, n, state, pri, due, token)
    sched.last_token[sched:id(n)] = token
    sched:settle(n, state, pri, due)
    count(tube, 'fail')
end

-- Transitions, as in transition.lua, of `is_failure`. arg: { meta, delay_us, token = of a lapsed lease,
-- to = tube of the dead }.
attempt.retry = {
    letter = const.READY,
    event = 'release',
    is_failure = true,
    write = function(tube, id, arg)
        return tube.store.pk:update(id, changes(arg, const.READY))
    end,
    publish = function(tube, sched, n, tuple, arg)
        settle(tube, sched, n, schedule.READY, row.pri(tuple), row.dead(tuple) or 0, arg.token)
    end,
}

-- The life grows by the delay, as with a release.
attempt.delay = {
    letter = const.DELAYED,
    event = 'release',
    is_failure = true,
    write = function(tube, id, arg)
        local tuple = tube.store.pk:get(id)
        if tuple == nil then
            return nil
        end
        local operations = changes(arg, const.DELAYED, timer.wall_us() + arg.delay_us)
        if tuple.dead ~= nil then
            table.insert(operations, { '+', 'dead', arg.delay_us })
        end
        return tube.store.pk:update(id, operations)
    end,
    publish = function(tube, sched, n, tuple, arg)
        settle(tube, sched, n, schedule.DELAYED, row.pri(tuple), row.due(tuple), arg.token)
    end,
}

attempt.bury = {
    letter = const.BURIED,
    event = 'bury',
    is_failure = true,
    write = function(tube, id, arg)
        return tube.store.pk:update(id, changes(arg, const.BURIED))
    end,
    publish = function(tube, sched, n, tuple)
        settle(tube, sched, n, schedule.BURIED, row.pri(tuple), row.dead(tuple) or 0)
        tube.calls.bury = tube.calls.bury + 1
    end,
}

attempt.dead = {
    letter = const.DONE,
    event = 'delete',
    is_failure = true,
    write = function(tube, id, arg)
        local tuple = tube.store.pk:get(id)
        return tuple and attempt.move(tube, id, arg.to, dead_options(tube, arg.to, tuple, arg.meta))
    end,
    publish = function(tube, sched, n)
        sched:forget(n)
        count(tube, 'fail')
        count(tube, 'dead')
        tube:signal_room()
    end,
}

-- The tube for the dead, if it is there and can take one more.
local function tube_of_the_dead(tube)
    local to = tube.opts.dead_letter ~= nil and registry.get(tube.opts.dead_letter) or nil
    if to == nil or to == tube or to.is_dropped or to.store.is_vinyl
        or to.on_full ~= nil and to.on_full ~= 'drop_oldest' and to:free() <= 0 then
        return nil
    end
    return to
end

---What a failure makes of a task.
---@param tuple box.tuple its row
---@param o table { error, delay = seconds instead of the policy's, is_final, is_counted = the attempt is
---counted already, token = of a lapsed lease }
---@return table step, table its argument
function attempt.plan(tube, tuple, o)
    local meta = tuple.meta or {}
    local attempts = (meta.attempts or 0) + (o.is_counted and 0 or 1)
    meta.attempts, meta.error, meta.failed = attempts, o.error, fiber.time()
    local most = meta.max_attempts or tube.opts.max_attempts
    if o.is_final or most ~= nil and attempts >= most then
        local to = tube_of_the_dead(tube)
        return to ~= nil and attempt.dead or attempt.bury, { meta = meta, to = to, error = meta.error }
    end
    local seconds = o.delay or backoff.seconds(meta.backoff or tube.opts.backoff, attempts)
    local arg = { meta = meta, delay_us = math.floor(seconds * const.MICRO), token = o.token }
    return arg.delay_us > 0 and attempt.delay or attempt.retry, arg
end

return attempt
