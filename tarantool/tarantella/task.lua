-- What callers do to one task, or to the tube's tasks as a whole.

local fiber = require('fiber')
local commit = require('tarantella.commit')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local lease = require('tarantella.lease')
local reply = require('tarantella.reply')
local schedule = require('tarantella.schedule.schedule')
local session = require('tarantella.session')
local transition = require('tarantella.transition')

local task = {}

local function held(tube, id, token)
    local n = lease.find(tube.sched, id, token)
    if n == 0 then
        errors.not_taken()
    end
    return n
end

-- Any task in any state, for those who need not hold it.
local function any(tube, id)
    local n = tube.sched:find(id)
    if n == 0 then
        errors.task_not_found(id)
    end
    if tube.sched:is_busy(n) then
        errors.raise('TASK_BUSY', ('Task %s is being changed by another call'):format(id))
    end
    return n
end

local function change(tube, step, n, arg)
    return commit.one(tube, step, n, arg)
end

---@param token integer|nil of the delivery
function task.ack(tube, id, token)
    return change(tube, transition.ack, held(tube, id, token))
end

---@param delay_s number|nil
function task.release(tube, id, delay_s, token)
    local n = held(tube, id, token)
    if delay_s ~= nil and delay_s > 0 then
        return change(tube, transition.delay, n, delay_s)
    end
    return change(tube, transition.release, n)
end

---What `touch` hands to its step.
function task.touch_arg(seconds, token)
    return { seconds, session.current().owner.number, token }
end

---@param seconds number > 0
function task.touch(tube, id, seconds, token)
    local n = held(tube, id, token)
    return change(tube, transition.touch, n, task.touch_arg(seconds, token))
end

---Without a token anybody may bury a task, in any state.
function task.bury(tube, id, token)
    local n = token ~= nil and held(tube, id, token) or any(tube, id)
    if tube.sched:state(n) == schedule.BURIED then
        return task.peek(tube, id)
    end
    return change(tube, transition.bury, n)
end

function task.delete(tube, id)
    return change(tube, transition.delete, any(tube, id))
end

function task.peek(tube, id)
    local tuple = tube.sched:find(id) ~= 0 and tube.store:get(id) or nil
    -- Only now: for vinyl the read yields.
    local sched = tube.sched
    local n = sched:find(id)
    if tuple == nil or n == 0 then
        errors.task_not_found(id)
    end
    return reply.task(tuple, id, sched:letter(n))
end

---Makes buried tasks ready, best priority first.
---@param count integer
---@return integer how many
function task.kick(tube, count)
    local sched = tube.sched
    local kicked = 0
    while kicked < count do
        local steps, ns = {}, {}
        local want = math.min(count - kicked, const.ROWS_PER_COMMIT)
        for i = 1, want do
            local n = sched.buried:pop()
            if n == 0 then
                break
            end
            steps[i], ns[i] = transition.kick, n
        end
        local found = #ns
        if found == 0 then
            break
        end
        local failures = {}
        -- A failed commit puts them back among the buried, and raises.
        commit.many(tube, steps, ns, {}, found, failures)
        local _, failure = next(failures)
        if failure ~= nil then
            error(failure, 0)
        end
        kicked = kicked + found
    end
    return kicked
end

---Makes every taken task ready, whoever holds it.
function task.release_all(tube)
    local sched = tube.sched
    local steps = 0
    for owner in pairs(table.copy(sched.owners.held)) do
        local n = sched.owners:first_of(owner)
        while n ~= 0 do
            local after = sched.owners:next_of(n)
            if not sched:is_busy(n) then
                commit.one(tube, transition.release, n)
            end
            steps = steps + 1
            if steps % const.SLICE_STEPS == 0 then
                fiber.sleep(0)
                after = sched.owners:first_of(owner)
            end
            n = after
        end
    end
end

return task
