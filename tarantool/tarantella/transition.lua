-- The ways in which a stored task changes: what is written, and what the schedule
-- learns once that is committed.
--
--   write(tube, id, arg) → row after the change (before it, for a deletion), nil if there is none
--   publish(tube, sched, n, tuple, arg)   must not yield and must not fail; a deletion's
--                                         tuple is no longer there to be read
--   write_plain   the same for a batch on a space that is plain, see store.lua
--   keeps_lease   whether the task is taken afterwards
--   event         what `on_task_change` is told, in tarantool/queue's words

local const = require('tarantella.const')
local owners = require('tarantella.schedule.owners')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')

local MICRO = const.MICRO

local transition = {}

local function delete_row(tube, id)
    return tube.store:delete(id)
end

local function delete_plain(tube, id)
    local tuple = tube.store:delete_plain(id)
    return tuple
end

local function read_row(tube, id)
    return tube.store.pk:get(id)
end

local function gone(tube, sched, n, call)
    sched:forget(n)
    local calls = tube.calls
    calls[call] = calls[call] + 1
    tube.done = tube.done + 1
    tube:signal_room()
end

transition.ack = {
    letter = const.DONE,
    event = 'delete',
    write = delete_row,
    write_plain = delete_plain,
    publish = function(tube, sched, n) gone(tube, sched, n, 'ack') end,
}

transition.delete = {
    letter = const.DONE,
    event = 'delete',
    write = delete_row,
    write_plain = delete_plain,
    publish = function(tube, sched, n) gone(tube, sched, n, 'delete') end,
}

-- As in tarantool/queue, an expired task counts under `delete` too.
transition.expire = {
    letter = const.DONE,
    event = 'ttl',
    write = delete_row,
    write_plain = delete_plain,
    publish = function(tube, sched, n)
        gone(tube, sched, n, 'delete')
        tube.calls.ttl = tube.calls.ttl + 1
    end,
}

-- The oldest ready task makes room for a new one.
transition.drop = {
    letter = const.DONE,
    event = 'drop',
    write = delete_row,
    write_plain = delete_plain,
    publish = function(tube, sched, n)
        gone(tube, sched, n, 'delete')
        tube.calls.drop = (tube.calls.drop or 0) + 1
    end,
}

transition.bury = {
    letter = const.BURIED,
    event = 'bury',
    write = function(tube, id) return tube.store:bury(id) end,
    publish = function(tube, sched, n, tuple)
        sched:settle(n, schedule.BURIED, row.pri(tuple), row.dead(tuple) or 0)
        tube.calls.bury = tube.calls.bury + 1
    end,
}

transition.kick = {
    letter = const.READY,
    event = 'kick',
    write = function(tube, id) return tube.store:kick(id) end,
    publish = function(tube, sched, n, tuple)
        sched:settle(n, schedule.READY, row.pri(tuple), row.dead(tuple) or 0)
        tube.calls.kick = tube.calls.kick + 1
    end,
}

-- Nothing durable changes: the row has said all the time that the task is to be done.
transition.release = {
    letter = const.READY,
    event = 'release',
    write = read_row,
    publish = function(tube, sched, n, tuple)
        sched:settle(n, schedule.READY, row.pri(tuple), row.dead(tuple) or 0)
        tube.calls.release = tube.calls.release + 1
    end,
}

-- arg: seconds of delay. The life grows by the delay, as with put.
transition.delay = {
    letter = const.DELAYED,
    event = 'release',
    write = function(tube, id, delay_s)
        local tuple = tube.store:get(id)
        if tuple == nil then
            return nil
        end
        local dead = row.dead(tuple)
        local delay_us = math.floor(delay_s * MICRO)
        return tube.store:delay(id, timer.wall_us() + delay_us, dead and dead + delay_us)
    end,
    publish = function(tube, sched, n, tuple)
        sched:settle(n, schedule.DELAYED, row.pri(tuple), row.due(tuple))
        tube.calls.release = tube.calls.release + 1
    end,
}

-- arg: { seconds, owner number, token }. The row changes only when it has a life to prolong.
transition.touch = {
    letter = const.TAKEN,
    event = 'touch',
    keeps_lease = true,
    write = function(tube, id, arg)
        local tuple = tube.store:get(id)
        local dead = tuple ~= nil and row.dead(tuple)
        if not dead then
            return read_row(tube, id)
        end
        return tube.store:outlive(id, dead + math.floor(arg[1] * MICRO))
    end,
    publish = function(tube, sched, n, _, arg)
        local more = math.floor(arg[1] * MICRO)
        local kept = sched.kept ~= nil and sched.kept[sched:id(n)]
        if kept and kept[2] ~= 0 then
            kept[2] = kept[2] + more
        end
        tube.calls.touch = tube.calls.touch + 1
        if sched:state(n) == schedule.TAKEN and sched:lease_of(n) == owners.NOBODY then
            sched.owners:leave(n)
            sched.owners:join(n, arg[2])
            sched:relink(n, timer.monotonic_us() + more)
            return
        elseif sched:state(n) == schedule.TAKEN then
            local ends = sched:due(n)
            sched:relink(n, ends ~= 0 and ends + more or 0)
            return
        end
        -- A late touch: the lease had run out, and nobody was given the task since.
        sched:relink(n)
        sched:lease(n, arg[2], arg[3], timer.monotonic_us() + more)
    end,
}

return transition
