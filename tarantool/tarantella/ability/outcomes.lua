-- How tasks have ended: rows of RESULT_SPACE, the takes of notes while they run, and who
-- waits for their end. Per tube, while this instance is the master.
--
-- A result is written in the transaction that ends its task. Which results are too many is
-- found out later, by the timer: a transaction that looked at the others' rows would be in
-- conflict with them.

local fiber = require('fiber')
local const = require('tarantella.const')
local timer = require('tarantella.timer')
local transition = require('tarantella.transition')

local outcomes = {}

local NULL = box.NULL

---What a change means for the task's end; nil: it goes on.
---@param step table see transition.lua
---@return string|nil done, failed, deleted or expired
function outcomes.of(step)
    if step == transition.ack then
        return 'done'
    elseif step.letter == const.BURIED or step.is_failure and step.letter == const.DONE then
        return 'failed'
    elseif step == transition.expire then
        return 'expired'
    elseif step.letter == const.DONE then
        return 'deleted'
    end
    return nil
end

---What a change says of its error.
---@param arg any the step's argument
---@return string|nil
function outcomes.error_of(arg)
    if type(arg) ~= 'table' then
        return nil
    end
    return arg.meta ~= nil and arg.meta.error or arg.error
end

---@param tube table with the option `keep`
function outcomes.attach(tube)
    tube.outcomes = {
        keep = tube.opts.keep,
        last = { [true] = 0, [false] = 0 }, -- is_done → number of the last result
        live = {},  -- id → { progress, log } of a task that has not ended
        waits = {}, -- id → waiter → true
        waiting = 0,
    }
end

local function newest(tube, is_done)
    local row = box.space[const.RESULT_SPACE].index.number:max({ tube.id, is_done })
    return row ~= nil and row.tube_id == tube.id and row.is_done == is_done and row.number or 0
end

---The schedule has been built; what ran before runs no more.
function outcomes.loaded(tube)
    local own = tube.outcomes
    own.live = {}
    own.last[true], own.last[false] = newest(tube, true), newest(tube, false)
end

local function tell(own, id)
    for waiter in pairs(own.waits[id] or {}) do
        waiter.cond:signal()
    end
end

function outcomes.closed(tube)
    for id in pairs(tube.outcomes.waits) do
        tell(tube.outcomes, id)
    end
    timer.kick()
end

local function age_us(keep, is_done)
    local seconds = keep.age
    if not is_done then
        seconds = keep.failed_age or keep.age
    end
    return seconds and math.floor(seconds * const.MICRO)
end

---Writes how a task has ended, in its transaction.
---@param outcome string done, failed, deleted or expired
function outcomes.write(tube, id, outcome, result, error_text)
    local own = tube.outcomes
    local is_done = outcome == 'done'
    local number = own.last[is_done] + 1
    own.last[is_done] = number
    local live = own.live[id] or {}
    local now, age = timer.wall_us(), age_us(own.keep, is_done)
    box.space[const.RESULT_SPACE]:replace({
        tube.id, id, outcome, is_done, number, now, age and now + age or NULL,
        error_text or NULL, live.log or NULL, live.progress == nil and NULL or live.progress,
        result == nil and NULL or result,
    })
    box.on_commit(function()
        if outcome ~= 'failed' or tube.sched:find(id) == 0 then
            own.live[id] = nil
        end
        tell(own, id)
        timer.nudge(age and now + age or now, false)
    end)
end

---A task that had failed is to be done after all.
function outcomes.revive(tube, id)
    box.space[const.RESULT_SPACE]:delete({ tube.id, id })
end

---@return box.tuple|nil row of RESULT_SPACE
function outcomes.get(tube, id)
    return box.space[const.RESULT_SPACE]:get({ tube.id, id })
end

-- How many of a kind the tube keeps.
local function limit_of(keep, is_done)
    if is_done then
        return keep.count or const.KEPT_RESULTS
    end
    return keep.failed_count or keep.count or const.KEPT_RESULTS
end

local function delete_rows(rows)
    local space = box.space[const.RESULT_SPACE]
    box.atomic(function()
        for _, row in ipairs(rows) do
            space:delete({ row.tube_id, row.task_id })
        end
    end)
    return #rows
end

-- Of one tube and kind, the rows beyond its count; up to one commit of them.
local function trim(tube, is_done)
    local own = tube.outcomes
    local below = own.last[is_done] - limit_of(own.keep, is_done)
    local rows = {}
    if below > 0 then
        local index = box.space[const.RESULT_SPACE].index.number
        for _, row in index:pairs({ tube.id, is_done }, { iterator = 'EQ' }) do
            if row.number > below or #rows >= const.ROWS_PER_COMMIT then
                break
            end
            table.insert(rows, row)
        end
    end
    return #rows > 0 and delete_rows(rows) or 0
end

---Deletes what is beyond its count.
---@return boolean whether there may be more
function outcomes.trim(tube)
    local done, failed = trim(tube, true), trim(tube, false)
    return math.max(done, failed) >= const.ROWS_PER_COMMIT
end

---Deletes what is beyond its age.
---@return number seconds until the next one
function outcomes.expire()
    local now = timer.wall_us()
    local rows = box.space[const.RESULT_SPACE].index.ends:select({ 0 }, {
        iterator = 'GE', limit = const.ROWS_PER_COMMIT,
    })
    local over, nearest = {}, math.huge
    for _, row in ipairs(rows) do
        if row.ends > now then
            nearest = tonumber(row.ends - now) / const.MICRO
            break
        end
        table.insert(over, row)
    end
    if #over > 0 then
        delete_rows(over)
    end
    return #over >= const.ROWS_PER_COMMIT and 0 or nearest
end

---Deletes results of tubes that are no more; up to one commit of them.
---@param known table id of a tube → true
---@return boolean whether there may be more
function outcomes.sweep(known)
    local index = box.space[const.RESULT_SPACE].index.number
    local last = -1
    while true do
        local row = index:select({ math.max(last, 0) }, { iterator = last < 0 and 'GE' or 'GT', limit = 1 })[1]
        if row == nil then
            return false
        end
        last = tonumber(row.tube_id)
        if not known[last] then
            delete_rows(index:select({ last }, { limit = const.ROWS_PER_COMMIT }))
            return true
        end
    end
end

---Waits until `check` gives something, or in vain.
---@param ids table of tasks whose end is waited for
---@param check function → any
---@param connection table of the session
---@return any
function outcomes.await(tube, ids, timeout_s, connection, check)
    local own = tube.outcomes
    local waiter = { cond = fiber.cond(), ended = false }
    for _, id in ipairs(ids) do
        own.waits[id] = own.waits[id] or {}
        own.waits[id][waiter] = true
    end
    own.waiting = own.waiting + 1
    -- A line as waiters.lua has it, for a session that closes.
    connection.waits[waiter] = { finish = function(_, of)
        of.ended = true
        of.cond:signal()
    end }
    local deadline = fiber.clock() + timeout_s
    local ok, result = pcall(function()
        local found = check()
        while found == nil and not waiter.ended and not tube.is_dropped and fiber.clock() < deadline do
            waiter.cond:wait(deadline - fiber.clock())
            fiber.testcancel()
            found = check()
        end
        return found
    end)
    connection.waits[waiter] = nil
    own.waiting = own.waiting - 1
    for _, id in ipairs(ids) do
        if own.waits[id] ~= nil then
            own.waits[id][waiter] = nil
            if next(own.waits[id]) == nil then
                own.waits[id] = nil
            end
        end
    end
    if not ok then
        error(result, 0)
    end
    return result
end

return outcomes
