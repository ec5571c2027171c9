-- Joins rows and schedule: commit first, then publish. While a commit is under way
-- its tasks are unlinked; if it fails they are put back, and the call can be repeated.
--
-- Inside a transaction of the caller the schedule learns of the change at its commit.

local log = require('log')
local durable = require('tarantella.durable')
local errors = require('tarantella.errors')
local lapse = require('tarantella.lapse')
local reply = require('tarantella.reply')
local schedule = require('tarantella.schedule.schedule')
local session = require('tarantella.session')
local txn = require('tarantella.txn')
local watcher = require('tarantella.watcher')

local commit = {}

---Puts an unlinked record back. One whose owner has gone meanwhile is ready again.
local function undo(tube, sched, n, in_trigger)
    sched:relink(n)
    if sched:state(n) == schedule.TAKEN and not session.is_alive((sched:lease_of(n))) then
        lapse.one(tube, sched, n)
    end
    tube:serve(in_trigger)
end

local function publish(tube, sched, step, n, tuple, arg)
    step.publish(tube, sched, n, tuple, arg)
    if step.keeps_lease and not session.is_alive((sched:lease_of(n))) then
        lapse.one(tube, sched, n)
    end
end

-- Hands the ends of a caller's transaction to the schedule.
local function publish_later(tube, sched, step, n, tuple, arg, task)
    box.on_commit(function()
        publish(tube, sched, step, n, tuple, arg)
        if task ~= nil and tube.on_change ~= nil then
            watcher.note(tube, task, step.event)
        end
        tube:serve(true)
    end)
    txn.on_rollback(function()
        undo(tube, sched, n, true)
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

-- The abilities of the tube see the row as it was.
local function tell(tube, hooks, step, id, before, arg)
    for _, change in ipairs(hooks.change) do
        change(tube, step, id, before, arg)
    end
end

-- The row after the change is turned into the reply at once: it may be good no longer
-- than until the commit.
local function write_one(tube, step, id, arg)
    local hooks = tube.hooks
    local before = hooks ~= nil and hooks.change[1] ~= nil and tube.store.pk:get(id) or nil
    local tuple = step.write(tube, id, arg)
    -- Not compared with nil, here and below: a row is cdata, and compares by a call.
    if not tuple then
        return nil
    end
    local task = reply.task(tuple, id, step.letter)
    if tube.is_durable and not tube.store.is_vinyl then
        durable.follow(tube, step, id, arg)
    end
    if before ~= nil then
        tell(tube, hooks, step, id, before, arg)
    end
    return tuple, task
end

-- In one function, so that one pcall does for both.
local function write_and_commit(tube, step, id, arg)
    local tuple, task = write_one(tube, step, id, arg)
    if tuple then
        box.commit()
    end
    return tuple, task
end

-- One transaction cannot have rows of both engines: for vinyl the leases' rows follow in
-- a commit of their own, while the records are still busy.
local function follow_apart(tube, sched, steps, ns, args, tuples)
    if not tube.is_durable or not tube.store.is_vinyl then
        return
    end
    local ok, cause = pcall(box.atomic, function()
        for i in pairs(tuples) do
            durable.follow(tube, steps[i], sched:id(ns[i]), args[i])
        end
    end)
    if not ok then
        log.warn('tarantella: leases of tube %s cannot be written: %s', tube.name, tostring(cause))
    end
end

-- In a transaction of the caller, which commits.
local function one_joined(tube, step, n, arg)
    local sched = tube.sched
    local id = sched:id(n)
    sched:unlink(n)
    local ok, tuple, task = pcall(write_one, tube, step, id, arg)
    if not ok then
        undo(tube, sched, n)
        error(errors.of_write(tuple), 0)
    elseif not tuple then
        errors.task_not_found(lost(sched, n))
    end
    publish_later(tube, sched, step, n, tuple, arg, task)
    return task
end

---Changes one task.
---@param step table from transition.lua
---@param n integer record that is not busy
---@return box.tuple task
function commit.one(tube, step, n, arg)
    if box.is_in_txn() then
        return one_joined(tube, step, n, arg)
    end
    local sched = tube.sched
    local id = sched:id(n)
    sched:unlink(n)
    box.begin()
    local ok, tuple, task = pcall(write_and_commit, tube, step, id, arg)
    if not ok then
        box.rollback()
        undo(tube, sched, n)
        error(errors.of_write(tuple), 0)
    elseif not tuple then
        box.rollback()
        errors.task_not_found(lost(sched, n))
    end
    if tube.is_durable then
        follow_apart(tube, sched, { step }, { n }, { arg }, { tuple })
    end
    publish(tube, sched, step, n, tuple, arg)
    if tube.on_change ~= nil then
        watcher.note(tube, task, step.event)
    end
    tube:serve()
    return task
end

-- An item of a batch: the task itself only where somebody is told of it.
local function write_item(tube, step, id, arg, is_plain)
    if tube.on_change ~= nil or tube.hooks ~= nil then
        return write_one(tube, step, id, arg)
    end
    local tuple = (is_plain and step.write_plain or step.write)(tube, id, arg)
    if tuple ~= nil and tube.is_durable and not tube.store.is_vinyl then
        durable.follow(tube, step, id, arg)
    end
    return tuple
end

-- Writes the items of a batch. A failed one fails alone: a refused statement does not end its transaction.
local function write_all(tube, steps, ns, args, count, failures)
    local sched = tube.sched
    local tuples, tasks = {}, {}
    local is_plain = tube.store:is_plain(count)
    -- All of them first: for vinyl the writes yield.
    for i = 1, count do
        local n = ns[i]
        if n ~= nil and sched:is_busy(n) then
            -- Named twice in one batch.
            failures[i] = errors.new('TASK_NOT_TAKEN', 'Task was not taken')
            ns[i] = nil
        elseif n ~= nil then
            sched:unlink(n)
        end
    end
    for i = 1, count do
        local n = ns[i]
        if n ~= nil then
            local id = sched:id(n)
            local savepoint = tube.hooks ~= nil and box.savepoint() or nil
            local ok, tuple, task = pcall(write_item, tube, steps[i], id, args[i], is_plain)
            if not ok then
                if savepoint ~= nil then
                    txn.rollback_to(savepoint)
                end
                sched:relink(n)
                failures[i] = errors.of_write(tuple)
            elseif tuple == nil then
                failures[i] = errors.new('TASK_NOT_FOUND', ('Task %s not found'):format(lost(sched, n)))
            else
                tuples[i], tasks[i] = tuple, task
            end
        end
    end
    return tuples, tasks
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
    local tuples, tasks = write_all(tube, steps, ns, args, count, failures)
    if joined then
        for i, tuple in pairs(tuples) do
            publish_later(tube, sched, steps[i], ns[i], tuple, args[i], tasks[i])
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
    -- Asked here too: a function that makes closures is not compiled, whatever it does.
    if tube.is_durable then
        follow_apart(tube, sched, steps, ns, args, tuples)
    end
    for i = 1, count do
        if tuples[i] ~= nil then
            publish(tube, sched, steps[i], ns[i], tuples[i], args[i])
            if tasks[i] ~= nil then
                watcher.note(tube, tasks[i], steps[i].event)
            end
        end
    end
    tube:serve()
    return tuples
end

return commit
