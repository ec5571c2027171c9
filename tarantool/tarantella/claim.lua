-- Takes that have to yield, or to be told of: the lease stands in the schedule first, so
-- that nobody else is given the task, then come the row (vinyl reads it from disk) and
-- the lease's own row (`in_replicaset`). What was lost meanwhile is not in the reply.

local const = require('tarantella.const')
local durable = require('tarantella.durable')
local errors = require('tarantella.errors')
local lease = require('tarantella.lease')
local reply = require('tarantella.reply')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')
local watcher = require('tarantella.watcher')

local claim = {}

-- The record of a claim that still stands; 0 when it was released, truncated, lapsed.
local function record_of(tube, sched, item)
    local n = sched == tube.sched and sched:find(item.id) or 0
    if n == 0 or sched:is_busy(n) or sched:state(n) ~= schedule.TAKEN then
        return 0
    end
    local _, token = sched:lease_of(n)
    return token == item.token and n or 0
end

-- The next ready record whose life is not over; 0 for none.
local function next_alive(sched, lane)
    local now = timer.wall_us()
    for _ = 1, const.SLICE_STEPS do
        local n = sched:next_ready(lane)
        local due = n ~= 0 and sched:due(n) or 0
        if due == 0 or due > now then
            return n
        end
        -- The timer deletes it.
        sched:mark_expired(n)
    end
    return 0
end

-- Leases the next ready task and reads its row; nil when there is none.
local function next_item(tube, connection, lane)
    local sched = tube.sched
    while true do
        local n = next_alive(sched, lane)
        if n == 0 then
            return nil
        end
        local item = { id = sched:id(n), dead = sched:due(n), pri = sched:pri(n), token = lease.next_token() }
        if tube.flow ~= nil then
            tube.flow:admit(sched, n)
        end
        sched:lease(n, connection.owner.number, item.token, 0)
        local ok, tuple = pcall(tube.store.pk.get, tube.store.pk, item.id)
        n = record_of(tube, sched, item)
        if not ok then
            if n ~= 0 then
                sched:give_back(n, item.pri, item.dead)
            end
            error(tuple, 0)
        end
        if n ~= 0 and tuple ~= nil and not connection.closed then
            item.tuple = tuple
            return item
        elseif n ~= 0 and tuple == nil and not box.is_in_txn() then
            sched:unlink(n)
            sched:forget(n)
        elseif n ~= 0 then
            sched:give_back(n, item.pri, item.dead)
            return nil
        elseif sched ~= tube.sched or connection.closed then
            return nil
        end
    end
end

local function give_back_all(tube, sched, items)
    for _, item in ipairs(items) do
        local n = record_of(tube, sched, item)
        if n ~= 0 then
            sched:give_back(n, item.pri, item.dead)
        end
    end
    tube:serve()
end

local function write_leases(tube, connection, items)
    local joined = box.is_in_txn()
    if joined and tube.store.is_vinyl then
        -- One transaction cannot have rows of both engines.
        return
    end
    local function write()
        for _, item in ipairs(items) do
            durable.lease(tube, connection, item.id, item.token, item.ends)
        end
    end
    if joined then
        write()
    else
        box.atomic(write)
        durable.stored(connection)
    end
end

---Leases the next ready task of a tube. The caller hands the items of all its calls to
---`stand`, or to `give_back`.
---@param lane string|nil only of this lane
---@return table|nil { id, token, tuple }
function claim.next(tube, connection, lane)
    local item = next_item(tube, connection, lane)
    if item ~= nil then
        item.ends = tube:lease_end(item.tuple, item.dead)
        tube.sched:extend(tube.sched:find(item.id), item.ends)
    end
    return item
end

local function gather(tube, connection, want, sched)
    local items, bytes = {}, 0
    while #items < want.n and bytes < const.MAX_REPLY_BYTES do
        local ok, item = pcall(claim.next, tube, connection, want.lane)
        if not ok then
            give_back_all(tube, sched, items)
            error(item, 0)
        elseif item == nil then
            break
        end
        bytes = bytes + item.tuple:bsize()
        table.insert(items, item)
    end
    return items
end

local function answer(items, want)
    if not want.is_many then
        local item = items[1]
        local attempt = want.attempts and row.attempts(item.tuple) + 1 or nil
        return reply.task(item.tuple, item.id, const.TAKEN, (attempt or want.token) and item.token or nil, attempt)
    end
    reply.open()
    for _, item in ipairs(items) do
        reply.add_task(item.tuple, item.id, const.TAKEN, item.token,
            want.attempts and row.attempts(item.tuple) + 1)
    end
    return reply.close()
end

---Gives leased tasks back, for a take that came to nothing.
---@param sched table the tube's schedule when they were leased
claim.give_back = give_back_all

---Writes the leases where they are to be written. Gives them back if that fails, and raises.
---@param sched table the tube's schedule when they were leased
---@return table those of the items that still stand
function claim.stand(tube, connection, sched, items)
    if tube.is_durable then
        local ok, cause = pcall(write_leases, tube, connection, items)
        if not ok then
            give_back_all(tube, sched, items)
            error(errors.of_write(cause), 0)
        end
    end
    local standing = {}
    for _, item in ipairs(items) do
        if record_of(tube, sched, item) ~= 0 then
            table.insert(standing, item)
            tube.calls.take = tube.calls.take + 1
            if tube.on_change ~= nil then
                watcher.note(tube, reply.task(item.tuple, item.id, const.TAKEN), 'take')
            end
        end
    end
    return standing
end

---@return box.tuple|nil what take's own collectors give
function claim.collect(tube, connection, want)
    local sched = tube.sched
    local items = gather(tube, connection, want, sched)
    local standing = #items > 0 and claim.stand(tube, connection, sched, items) or items
    if #standing == 0 then
        return nil
    end
    local result = answer(standing, want)
    watcher.flush(tube, box.is_in_txn())
    return result
end

return claim
