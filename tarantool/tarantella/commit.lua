-- Joins rows and schedule: commit first, then publish. While a commit is under way
-- its tasks are unlinked; if it fails they are put back, and the call can be repeated.
--
-- Inside a transaction of the caller the schedule learns of the change at its commit.

local errors = require('tarantella.errors')
local reply = require('tarantella.reply')
local schedule = require('tarantella.schedule.schedule')
local session = require('tarantella.session')

local commit = {}

---Puts an unlinked record back. One whose owner has gone meanwhile is ready again.
local function undo(tube, sched, n)
    sched:relink(n)
    if sched:state(n) == schedule.TAKEN and not session.is_alive((sched:lease_of(n))) then
        tube:lapse(sched, n)
    end
    tube:serve()
end

local function publish(tube, sched, step, n, tuple, arg)
    step.publish(tube, sched, n, tuple, arg)
    if step.keeps_lease and not session.is_alive((sched:lease_of(n))) then
        tube:lapse(sched, n)
    end
end

-- Hands the ends of a caller's transaction to the schedule.
local function publish_later(tube, sched, step, n, tuple, arg)
    box.on_commit(function()
        publish(tube, sched, step, n, tuple, arg)
        tube:serve()
    end)
    box.on_rollback(function()
        undo(tube, sched, n)
    end)
end

-- The row was deleted by somebody else than the queue.
local function lost(sched, n)
    local id = sched:id(n)
    if not box.is_in_txn() then
        sched:forget(n)
    else
        -- A transaction may not see a row that others see.
        sched:relink(n)
    end
    return id
end

-- The row after the change is turned into the reply at once: it may be good no longer
-- than until the commit.
local function write_one(tube, step, id, arg)
    local tuple = step.write(tube, id, arg)
    if tuple == nil then
        return nil
    end
    local task = reply.task(tuple, id, step.letter)
    return tuple, task
end

---Changes one task.
---@param step table from transition.lua
---@param n integer record that is not busy
---@return box.tuple task
function commit.one(tube, step, n, arg)
    local sched = tube.sched
    local id = sched:id(n)
    local joined = box.is_in_txn()
    sched:unlink(n)
    if not joined then
        box.begin()
    end
    local ok, tuple, task = pcall(write_one, tube, step, id, arg)
    if joined then
        if not ok then
            undo(tube, sched, n)
            error(errors.of_write(tuple), 0)
        elseif tuple == nil then
            errors.task_not_found(lost(sched, n))
        end
        publish_later(tube, sched, step, n, tuple, arg)
        return task
    end
    local cause = tuple
    if ok and tuple ~= nil then
        ok, cause = pcall(box.commit)
    end
    if not ok then
        box.rollback()
        undo(tube, sched, n)
        error(errors.of_write(cause), 0)
    elseif tuple == nil then
        box.rollback()
        errors.task_not_found(lost(sched, n))
    end
    publish(tube, sched, step, n, tuple, arg)
    tube:serve()
    return task
end

-- Writes the items of a batch. A failed one fails alone: a refused statement does not end its transaction.
local function write_all(tube, steps, ns, args, count, failures)
    local sched = tube.sched
    local tuples = {}
    for i = 1, count do
        local n = ns[i]
        if n ~= nil and sched:is_busy(n) then
            -- Named twice in one batch.
            failures[i] = errors.new('TASK_NOT_TAKEN', 'Task was not taken')
            ns[i] = nil
        elseif n ~= nil then
            local id = sched:id(n)
            sched:unlink(n)
            local ok, tuple = pcall(steps[i].write, tube, id, args[i])
            if not ok then
                sched:relink(n)
                failures[i] = errors.of_write(tuple)
            elseif tuple == nil then
                failures[i] = errors.new('TASK_NOT_FOUND', ('Task %s not found'):format(lost(sched, n)))
            else
                tuples[i] = tuple
            end
        end
    end
    return tuples
end

---Changes many tasks in one commit.
---@param steps table index → step
---@param ns table index → record, nil where `failures` has an entry
---@param args table index → argument of the step
---@param failures table index → error; entries are added
---@return table index → row
function commit.many(tube, steps, ns, args, count, failures)
    local sched = tube.sched
    local joined = box.is_in_txn()
    if not joined then
        box.begin()
    end
    local tuples = write_all(tube, steps, ns, args, count, failures)
    if joined then
        for i, tuple in pairs(tuples) do
            publish_later(tube, sched, steps[i], ns[i], tuple, args[i])
        end
        return tuples
    end
    local ok, cause = pcall(box.commit)
    if not ok then
        box.rollback()
        for i in pairs(tuples) do
            undo(tube, sched, ns[i])
        end
        error(cause, 0)
    end
    for i = 1, count do
        if tuples[i] ~= nil then
            publish(tube, sched, steps[i], ns[i], tuples[i], args[i])
        end
    end
    tube:serve()
    return tuples
end

return commit
