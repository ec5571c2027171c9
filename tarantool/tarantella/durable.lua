-- Leases that outlive a change of the master: rows in LEASE_SPACE and SESSION_SPACE,
-- written and replicated while the queue has `in_replicaset`. Without it nothing here
-- writes, and leases are this process's own.
--
-- A row says less than the schedule: it may be of a lease that has ended. It counts on
-- the next master only if its session is known there, its time is not over and its task
-- is there; so neither the end of a session nor that of a ttr has to touch it.

local const = require('tarantella.const')
local schedule = require('tarantella.schedule.schedule')
local session = require('tarantella.session')
local timer = require('tarantella.timer')

local durable = {}

local is_wanted = false
local is_on = false

---@param wanted boolean whether the next start is to keep leases
function durable.want(wanted)
    is_wanted = wanted
end

---@return boolean
function durable.is_wanted()
    return is_wanted
end

---Writes a lease, in the caller's transaction.
---@param ends number monotonic microseconds, 0 for a lease without end
function durable.lease(tube, connection, id, token, ends)
    local owner = connection.owner
    if not owner.is_stored then
        box.space[const.SESSION_SPACE]:replace({ session.uuid_of(owner) })
    end
    local now = timer.wall_us()
    box.space[const.LEASE_SPACE]:replace({
        tube.id, id, connection.sid, session.uuid_of(owner), now, token,
        ends ~= 0 and now + ends - timer.monotonic_us() or nil,
    })
end

---A lease of this session is committed, so the session is.
function durable.stored(connection)
    connection.owner.is_stored = true
end

---Follows a change of a task, in its transaction or, for vinyl, before it.
function durable.follow(tube, step, id, arg)
    local leases = box.space[const.LEASE_SPACE]
    if not step.keeps_lease then
        leases:delete({ tube.id, id })
        return
    end
    local lease = leases:get({ tube.id, id })
    if lease ~= nil and lease.ends ~= nil then
        leases:update({ tube.id, id }, { { '+', 'ends', math.floor(arg[1] * const.MICRO) } })
    end
end

---A session that was named to its client is to be known by that name on the next master.
function durable.remember(owner)
    if is_on and not owner.is_stored then
        box.space[const.SESSION_SPACE]:replace({ session.uuid_of(owner) })
        owner.is_stored = true
    end
end

---A session has ended.
function durable.forget(owner)
    if is_on and owner.is_stored then
        owner.is_stored = false
        box.space[const.SESSION_SPACE]:delete(owner.uuid)
    end
end

-- Deletes rows by their keys, some hundreds per commit.
local function delete_all(space, keys)
    for from = 1, #keys, const.ROWS_PER_COMMIT do
        box.atomic(function()
            for i = from, math.min(#keys, from + const.ROWS_PER_COMMIT - 1) do
                space:delete(keys[i])
            end
        end)
    end
end

local function clear()
    local leases, sessions = {}, {}
    for _, lease in box.space[const.LEASE_SPACE]:pairs() do
        table.insert(leases, { lease.tube_id, lease.task_id })
    end
    for _, row in box.space[const.SESSION_SPACE]:pairs() do
        table.insert(sessions, row.uuid)
    end
    delete_all(box.space[const.LEASE_SPACE], leases)
    delete_all(box.space[const.SESSION_SPACE], sessions)
    session.each(function(owner) owner.is_stored = false end)
end

-- Gives a stored lease to the schedule; false if it holds no more.
local function take_over(tube, lease, wall, monotonic)
    local owner = session.find(lease.session_uuid)
    local sched = tube.sched
    local n = sched:find(lease.task_id)
    local rest = lease.ends ~= nil and tonumber(lease.ends) - wall or nil
    -- A session that this process remembers may have ended on the master before.
    if owner == nil or not owner.is_stored or rest ~= nil and rest <= 0 or n == 0
        or sched:state(n) ~= schedule.READY or sched:is_busy(n) or sched:was_delivered(n) then
        return false
    end
    sched:lease(n, owner.number, tonumber(lease.token), rest ~= nil and monotonic + rest or 0)
    return true
end

-- The sessions of the master before, without a connection, and what they hold.
local function restore(by_id)
    session.each(function(owner) owner.is_stored = false end)
    for _, row in box.space[const.SESSION_SPACE]:pairs() do
        session.revive(row.uuid).is_stored = true
    end
    local wall, monotonic = timer.wall_us(), timer.monotonic_us()
    local stale = {}
    for _, lease in box.space[const.LEASE_SPACE]:pairs() do
        local tube = by_id[lease.tube_id]
        if tube == nil or not take_over(tube, lease, wall, monotonic) then
            table.insert(stale, { lease.tube_id, lease.task_id })
        end
    end
    delete_all(box.space[const.LEASE_SPACE], stale)
end

-- Writes the leases that are held already, when the mode is switched on at run time.
local function store_held(tube)
    local sched = tube.sched
    for number in pairs(table.copy(sched.owners.held)) do
        local owner = session.by_number(number)
        local ids = {}
        local n = owner ~= nil and sched.owners:first_of(number) or 0
        while n ~= 0 do
            table.insert(ids, sched:id(n))
            n = sched.owners:next_of(n)
        end
        for from = 1, #ids, const.ROWS_PER_COMMIT do
            box.atomic(function()
                for i = from, math.min(#ids, from + const.ROWS_PER_COMMIT - 1) do
                    local held = sched:find(ids[i])
                    if held ~= 0 and sched:state(held) == schedule.TAKEN then
                        local of, token = sched:lease_of(held)
                        if of == number then
                            durable.lease(tube, { sid = 0, owner = owner }, ids[i], token, sched:due(held))
                        end
                    end
                end
            end)
            owner.is_stored = true
        end
    end
end

---Brings the tubes to what is wanted; on a writable instance.
---@param tubes table name → tube, their schedules built
function durable.start(tubes)
    local by_id = {}
    for _, tube in pairs(tubes) do
        by_id[tube.id] = tube
        tube:set_durable(is_wanted)
    end
    if not is_wanted then
        is_on = false
        return
    end
    if session.ttr() == 0 then
        clear()
    else
        restore(by_id)
    end
    is_on = true
end

---Writes what the tubes have from an older copy of the module, if leases are written.
function durable.store_all(tubes)
    for _, tube in pairs(is_on and table.copy(tubes) or {}) do
        store_held(tube)
    end
end

---`start`, for a queue that runs.
function durable.switch(tubes)
    local was_on = is_on
    durable.start(tubes)
    if is_on and not was_on then
        durable.store_all(tubes)
    elseif not is_on then
        clear()
    end
end

---The instance may write no more.
function durable.stop()
    is_on = false
end

return durable
