-- Takes from several tubes with one wait: a waiter that stands in the line of each.
--
-- Which of them gives the next task is decided by smooth weighted round robin, as nginx
-- does it, among those that have one which nobody else was promised. The turns of a set of
-- tubes are shared by all who take from it, so the weights hold for takes of one task too.

local fiber = require('fiber')
local claim = require('tarantella.claim')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local reply = require('tarantella.reply')
local row = require('tarantella.row')
local session = require('tarantella.session')
local waiters = require('tarantella.schedule.waiters')
local watcher = require('tarantella.watcher')

local take_any = {}

local mixes, mix_count = {}, 0 -- names and weights as text → place → what the tube has saved up

local function turns_of(tubes, weights)
    local parts = {}
    for i, tube in ipairs(tubes) do
        parts[i] = tube.name .. '=' .. weights[i]
    end
    local text = table.concat(parts, ',')
    local turns = mixes[text]
    if turns == nil then
        if mix_count >= const.MAX_MIXES then
            mixes, mix_count = {}, 0
        end
        turns = {}
        for i in ipairs(tubes) do
            turns[i] = 0
        end
        mixes[text] = turns
        mix_count = mix_count + 1
    end
    return turns
end

-- Whether a tube has more than those who wait have been promised.
local function is_open(tube)
    return not tube.is_dropped
        and tube.sched:available() > tube.waiters.promised + tube.lanes_total.promised
end

-- The place of the tube whose turn it is; nil when none has a task.
local function next_turn(call, spent)
    local turns, weights = call.turns, call.weights
    local best, total = nil, 0
    for i, tube in ipairs(call.tubes) do
        if not spent[i] and is_open(tube) then
            turns[i] = turns[i] + weights[i]
            total = total + weights[i]
            if best == nil or turns[i] > turns[best] then
                best = i
            end
        end
    end
    if best ~= nil then
        turns[best] = turns[best] - total
    end
    return best
end

local function give_back(picked)
    for _, one in ipairs(picked) do
        claim.give_back(one.tube, one.sched, { one.item })
    end
end

local function pick(call)
    local picked, spent, bytes = {}, {}, 0
    while #picked < call.n and bytes < const.MAX_REPLY_BYTES do
        local i = next_turn(call, spent)
        if i == nil then
            break
        end
        local tube = call.tubes[i]
        -- For vinyl this yields.
        local ok, item = pcall(claim.next, tube, call.connection)
        if not ok then
            give_back(picked)
            error(item, 0)
        elseif item == nil then
            spent[i] = true
        else
            bytes = bytes + item.tuple:bsize()
            table.insert(picked, { tube = tube, sched = tube.sched, item = item })
        end
    end
    return picked
end

-- Marks the items that still stand once the leases are written, tube by tube; an error
-- where a tube's cannot be written.
local function stand(call, picked)
    local failure
    for _, tube in ipairs(call.tubes) do
        local items, sched = {}, nil
        for _, one in ipairs(picked) do
            if one.tube == tube then
                sched = sched or one.sched
                table.insert(items, one.item)
            end
        end
        local ok, standing = true, {}
        if #items > 0 then
            ok, standing = pcall(claim.stand, tube, call.connection, sched, items)
        end
        failure = not ok and standing or failure
        for _, item in ipairs(ok and standing or {}) do
            item.stands = true
        end
    end
    return failure
end

-- The reply; nil when there is nothing to take.
local function collect(call)
    local picked = pick(call)
    if #picked == 0 then
        return nil
    end
    local failure = stand(call, picked)
    local count = 0
    reply.open()
    for _, one in ipairs(picked) do
        local item = one.item
        if item.stands then
            count = count + 1
            reply.add_task_of(one.tube.name, item.tuple, item.id, const.TAKEN, item.token,
                call.with_attempts and row.attempts(item.tuple) + 1)
        end
    end
    local result = reply.close()
    if count == 0 then
        if failure ~= nil then
            error(failure, 0)
        end
        return nil
    end
    for _, tube in ipairs(call.tubes) do
        watcher.flush(tube, box.is_in_txn())
    end
    return result
end

local function serve(call)
    for _, tube in ipairs(call.tubes) do
        tube:serve()
    end
end

-- Sleeps and looks, until there is something or the wait is over.
local function look(call, group, lines, deadline)
    while true do
        waiters.park(group, deadline)
        if group.ended or not group.woken or call.connection.closed then
            return nil
        end
        for waiter, line in pairs(lines) do
            line:rearm(waiter)
        end
        local result = collect(call)
        if result ~= nil then
            return result
        end
        group.woken = false
        serve(call)
        fiber.sleep(0)
    end
end

local function wait(call, timeout_s)
    local connection, deadline = call.connection, fiber.clock() + timeout_s
    local group, lines = waiters.group(), {}
    for i, tube in ipairs(call.tubes) do
        local waiter = tube.waiters:add(connection, call.n, false, group)
        lines[waiter] = tube.waiters
        connection.waits[waiter] = tube.waiters
        if i == 1 and call.key ~= nil then
            connection.takes[call.key] = { line = tube.waiters, waiter = waiter }
        end
    end
    serve(call)
    local ok, result = pcall(look, call, group, lines, deadline)
    for waiter, line in pairs(lines) do
        line:remove(waiter)
        connection.waits[waiter] = nil
    end
    if call.key ~= nil then
        connection.takes[call.key] = nil
    end
    -- What was promised to this one and not used is for the next.
    serve(call)
    if not ok then
        error(result, 0)
    end
    return result
end

---@param tubes table in order of their names, each once
---@param weights table place → integer
---@param timeout_s number|nil seconds to wait, nil for ever
---@param want table { n = most tasks, key = for `take.cancel`, with_attempts }
---@return box.tuple tasks [tube, id, 't', data, token] or [… token, attempt], maybe none
function take_any.run(tubes, weights, timeout_s, want)
    local connection = session.current()
    local result
    if want.key ~= nil and connection.takes[want.key] ~= nil then
        errors.raise('INVALID_ARGUMENT', 'Expected `key` to be unique among the waiting takes of a connection')
    end
    local call = {
        tubes = tubes, weights = weights, turns = turns_of(tubes, weights), connection = connection,
        n = want.n, key = want.key, with_attempts = want.with_attempts,
    }
    if not connection.closed then
        result = collect(call)
        -- Waiting would end the caller's transaction.
        if result == nil and timeout_s ~= 0 and not box.is_in_txn() and not connection.closed then
            for _, tube in ipairs(tubes) do
                if tube:waiting() >= const.MAX_WAITERS then
                    errors.raise('TOO_MANY_WAITERS',
                        ('No more than %d takes can wait for a tube'):format(const.MAX_WAITERS))
                end
            end
            result = wait(call, timeout_s or const.MAX_DURATION_S)
        end
    end
    if result == nil then
        reply.open()
        return reply.close()
    end
    return result
end

return take_any
