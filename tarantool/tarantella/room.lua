-- Tubes with a capacity: tasks in any state count, and so do puts whose commit is under way.
--
-- on_full of a tube:
--   wait         a put stands in line until there is room, first come, first served
--   reject       it is refused at once
--   drop_oldest  the ready task that was put first goes, in the put's own transaction

local fiber = require('fiber')
local commit = require('tarantella.commit')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local session = require('tarantella.session')
local transition = require('tarantella.transition')
local waiters = require('tarantella.schedule.waiters')
local txn = require('tarantella.txn')

local room = {}

---@return box.error
function room.full(tube)
    return errors.new('QUEUE_FULL', ('Tube has its capacity of %s tasks'):format(tube.capacity))
end

-- Room that no put which waits has been promised.
local function is_free(tube)
    local free = tube:free()
    return free > 0 and (tube.room.n == 0 or free > tube.room.promised)
end

-- Stands in line once; whether there is room now.
local function stand(tube, connection, deadline, ahead)
    local line = tube.room
    local waiter = line:add(connection, 1, ahead)
    connection.waits[waiter] = line
    tube:signal_room()
    local ok, cause = pcall(waiters.park, waiter, deadline)
    line:remove(waiter)
    connection.waits[waiter] = nil
    local is_served = ok and waiter.woken and not waiter.ended and not connection.closed
    if not is_served then
        -- What was promised to this one is for the next.
        tube:signal_room()
    end
    if not ok then
        error(cause, 0)
    end
    return is_served and tube:free() > 0, waiter.woken and not waiter.ended and not tube.is_dropped
end

-- The caller must use the room before it yields.
local function await(tube, timeout_s)
    local connection = session.current()
    if timeout_s == 0 or box.is_in_txn() or connection.closed then
        return false
    end
    if tube.room.n >= const.MAX_WAITERS then
        errors.raise('TOO_MANY_WAITERS', ('No more than %d puts can wait for a tube'):format(const.MAX_WAITERS))
    end
    local deadline = fiber.clock() + timeout_s
    local is_there, again = stand(tube, connection, deadline, false)
    while not is_there and again and fiber.clock() < deadline do
        is_there, again = stand(tube, connection, deadline, true)
    end
    return is_there
end

---Sees to room for a task; with `drop_oldest` the caller calls `make` once its row is written.
---@param timeout_s number|nil seconds; nil: limfifottl's puts do not wait, others do for ever
---@return boolean
function room.has(tube, timeout_s)
    if tube.on_full == 'drop_oldest' then
        return tube:free() > 0 or tube.sched.ready:oldest() ~= 0
    elseif is_free(tube) then
        return true
    elseif tube.on_full ~= 'wait' then
        return false
    end
    return await(tube, timeout_s or (tube.preset.capacity and 0 or const.MAX_DURATION_S))
end

---The same for one of a batch, which cannot wait.
---@return boolean
function room.has_now(tube)
    return tube.on_full == 'drop_oldest' and room.has(tube) or is_free(tube)
end

---Drops the oldest ready task of a full tube, in the transaction of the put that needs
---its room.
function room.make(tube)
    if tube.on_full ~= 'drop_oldest' or tube:free() > 0 then
        return
    end
    local sched = tube.sched
    local n = sched.ready:oldest()
    if n == 0 then
        error(room.full(tube), 0)
    end
    -- It counts no more from here on; what ends the transaction badly counts it again.
    tube.leaving = tube.leaving + 1
    local ok, cause = pcall(commit.one, tube, transition.drop, n)
    if not ok then
        tube.leaving = tube.leaving - 1
        error(cause, 0)
    end
    local function settle()
        tube.leaving = tube.leaving - 1
    end
    box.on_commit(settle)
    txn.on_rollback(settle)
end

return room
