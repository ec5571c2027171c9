-- What is known of a task, as a map for operators. Times are seconds since 1970.

local digest = require('digest')
local const = require('tarantella.const')
local fields = require('tarantella.fields')
local preview = require('tarantella.admin.preview')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local session = require('tarantella.session')
local timer = require('tarantella.timer')

local MICRO = const.MICRO

local describe = {}

local function seconds(us)
    return us ~= nil and us / MICRO or nil
end

---A name of a session that does not give its uuid away, which would let anybody join it.
---@return string|nil 8 hexadecimal digits, the same on every member of a replica set
function describe.identity(owner)
    return owner ~= nil and owner.uuid ~= nil and digest.sha1_hex(owner.uuid):sub(1, 8) or nil
end

---@return table {session, identity, token, ends}
function describe.lease(sched, n)
    local number, token = sched:lease_of(n)
    local ends = sched:due(n)
    return {
        session = number,
        identity = describe.identity(session.by_number(number)),
        token = token,
        -- The lease is measured on another clock.
        ends = ends ~= 0 and seconds(timer.wall_us() + ends - timer.monotonic_us()) or nil,
    }
end

---@param tuple box.tuple the row
---@param n integer its record
---@param bytes integer|nil of a preview; nil: the payload itself, 0: neither
---@return table {id, state, pri, utube, due, dead, ttr, attempts, key, session, bytes, data | preview}
function describe.task(tube, n, tuple, bytes)
    local sched = tube.sched
    local state = sched:state(n)
    local _, size = row.data(tuple)
    local ttr = row.ttr(tuple) or tube.ttr_us
    local meta = tuple[fields.meta] ~= nil and tuple[fields.meta] or {}
    local task = {
        -- With `aging` the row's own priority has the time in it.
        id = sched:id(n), state = sched:letter(n), pri = meta.pri or row.pri(tuple), utube = row.lane(tuple),
        due = state == schedule.DELAYED and seconds(row.due(tuple)) or nil,
        dead = seconds(row.dead(tuple)), ttr = seconds(ttr), bytes = size,
        attempts = meta.attempts, key = meta.key,
        session = state == schedule.TAKEN and sched:lease_of(n) or nil,
    }
    if bytes == nil then
        task.data = tuple[fields.data]
    elseif bytes > 0 then
        task.preview = preview.text(tuple, bytes)
    end
    return task
end

---@return table those, and {meta, delivered, lease, late_token}
function describe.whole(tube, n, tuple)
    local sched = tube.sched
    local task = describe.task(tube, n, tuple)
    task.meta = tuple[fields.meta] ~= nil and tuple[fields.meta] or nil
    task.delivered = sched:was_delivered(n)
    task.late_token = sched.last_token[task.id]
    if sched:state(n) == schedule.TAKEN then
        task.lease = describe.lease(sched, n)
    end
    return task
end

return describe
