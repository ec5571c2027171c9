-- What a tube leaves to the next tube object of the same id: counters and callback when
-- the instance's role changes, its leases and buckets too when the module is reloaded.

local schedule = require('tarantella.schedule.schedule')
local session = require('tarantella.session')

local estate = {}

---@return table counters and callback
function estate.of(tube)
    return { calls = tube.calls, done = tube.done, on_change = tube.on_change }
end

---@return table those, and { id, owner number, token, end } of all leases, and buckets
function estate.with_leases(tube)
    local sched = tube.sched
    local all = estate.of(tube)
    all.leases, all.last_token = {}, sched.last_token
    all.buckets = tube.flow ~= nil and tube.flow:export() or nil
    for owner in pairs(sched.owners.held) do
        local n = sched.owners:first_of(owner)
        while n ~= 0 do
            local _, token = sched:lease_of(n)
            table.insert(all.leases, { sched:id(n), owner, token, sched:due(n) })
            n = sched.owners:next_of(n)
        end
    end
    return all
end

---Before the schedule is built.
---@param older table|nil
function estate.inherit(tube, older)
    if older ~= nil then
        tube.calls, tube.done = older.calls, older.done
        tube:watch(older.on_change)
    end
end

---Gives the leases to the schedule, which has just been built.
---@param older table|nil
function estate.adopt(tube, older)
    if older == nil or older.leases == nil then
        return
    end
    if tube.flow ~= nil and older.buckets ~= nil then
        tube.flow:import(older.buckets)
    end
    local sched = tube.sched
    for _, held in ipairs(older.leases) do
        local n = sched:find(held[1])
        if n ~= 0 and sched:state(n) == schedule.READY and session.is_alive(held[2]) then
            sched:lease(n, unpack(held, 2))
        elseif n ~= 0 and sched:state(n) == schedule.READY then
            sched.last_token[held[1]] = held[3]
        end
    end
    for id, token in pairs(older.last_token) do
        if sched:find(id) ~= 0 then
            sched.last_token[id] = token
        end
    end
end

return estate
