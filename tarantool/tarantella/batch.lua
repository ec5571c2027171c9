-- Many tasks in one call and one commit, each with its own result.

local commit = require('tarantella.commit')
local errors = require('tarantella.errors')
local lease = require('tarantella.lease')
local reply = require('tarantella.reply')
local task = require('tarantella.task')
local transition = require('tarantella.transition')

local batch = {}

-- What each kind of call does with a checked item { id, token, arg }: step and its argument.
local KINDS = {
    ack = function() return transition.ack end,
    release = function(item)
        if item.arg ~= nil and item.arg > 0 then
            return transition.delay, item.arg
        end
        return transition.release
    end,
    bury = function() return transition.bury end,
    touch = function(item) return transition.touch, task.touch_arg(item.arg, item.token) end,
    delete = function() return transition.delete end,
}
-- These need no lease unless the item names a token.
local FREE = { bury = true, delete = true }

local function find(tube, kind, item)
    local sched = tube.sched
    if FREE[kind] and item.token == nil then
        local n = sched:find(item.id)
        if n == 0 then
            return 0, errors.new('TASK_NOT_FOUND', ('Task %s not found'):format(item.id))
        elseif sched:is_busy(n) then
            return 0, errors.new('TASK_BUSY', ('Task %s is being changed by another call'):format(item.id))
        end
        return n
    end
    local n = lease.find(sched, item.id, item.token)
    if n == 0 then
        return 0, errors.new('TASK_NOT_TAKEN', 'Task was not taken')
    end
    return n
end

---@param kind string ack, release, bury, touch or delete
---@param items table index → { id, token, arg }
---@param failures table index → error of an item that is refused already; entries are added
---@return box.tuple results
function batch.change(tube, kind, items, count, failures)
    local steps, ns, args = {}, {}, {}
    for i = 1, count do
        local item = items[i]
        if item ~= nil then
            local n, failure = find(tube, kind, item)
            if n == 0 then
                failures[i] = failure
            else
                ns[i] = n
                steps[i], args[i] = KINDS[kind](item)
            end
        end
    end
    if next(ns) ~= nil then
        commit.many(tube, steps, ns, args, count, failures)
    end
    reply.open()
    for i = 1, count do
        if failures[i] == nil then
            reply.add_state(items[i].id, steps[i].letter)
        else
            reply.add_failure(errors.describe(failures[i]))
        end
    end
    return reply.close()
end

return batch
