-- Many tasks in one call and one commit, each with its own result.

local commit = require('tarantella.commit')
local errors = require('tarantella.errors')
local lease = require('tarantella.lease')
local reply = require('tarantella.reply')
local task = require('tarantella.task')
local transition = require('tarantella.transition')

local batch = {}

-- What each kind of call does with an item: step and its argument.
local KINDS = {
    ack = function() return transition.ack end,
    -- An ack whose argument the tube's abilities see.
    complete = function(_, arg) return transition.ack, arg end,
    release = function(_, delay_s)
        if delay_s ~= nil and delay_s > 0 then
            return transition.delay, delay_s
        end
        return transition.release
    end,
    bury = function() return transition.bury end,
    touch = function(token, seconds) return transition.touch, task.touch_arg(seconds, token) end,
    delete = function() return transition.delete end,
}
-- These need no lease unless the item names a token.
local FREE = { bury = true, delete = true }

-- Record of an item, or 0 and why there is none.
local function find(sched, is_free, id, token)
    if not is_free or token ~= nil then
        local n = lease.find(sched, id, token)
        if n == 0 then
            return 0, errors.new('TASK_NOT_TAKEN', 'Task was not taken')
        end
        return n
    end
    local n = sched:find(id)
    if n == 0 then
        return 0, errors.new('TASK_NOT_FOUND', ('Task %s not found'):format(id))
    elseif sched:is_busy(n) then
        return 0, errors.new('TASK_BUSY', ('Task %s is being changed by another call'):format(id))
    end
    return n
end

---@param kind string ack, release, bury, touch or delete
---@param items table { ids, tokens, args, failures, count }: index → value; failures are those that are known already
---@return box.tuple results
function batch.change(tube, kind, items)
    local sched, pick, is_free = tube.sched, KINDS[kind], FREE[kind]
    local ids, failures, count = items.ids, items.failures, items.count
    local steps, ns, args = {}, {}, {}
    for i = 1, count do
        if failures[i] == nil then
            local n, failure = find(sched, is_free, ids[i], items.tokens[i])
            if n == 0 then
                failures[i] = failure
            else
                ns[i] = n
                steps[i], args[i] = pick(items.tokens[i], items.args[i])
            end
        end
    end
    if next(ns) ~= nil then
        commit.many(tube, steps, ns, args, count, failures)
    end
    reply.open()
    for i = 1, count do
        if failures[i] == nil then
            reply.add_state(ids[i], steps[i].letter)
        else
            reply.add_failure(errors.describe(failures[i]))
        end
    end
    return reply.close()
end

return batch
