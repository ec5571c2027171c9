-- The ways in which operators change a task that waits, see transition.lua.
--
-- arg of update and promote, all of it optional:
--   { pri, ttr_us (math.huge: the tube's), ttl_us (math.huge: none), due = microseconds since 1970, has_data, data,
--     has_lane, lane }

local const = require('tarantella.const')
local fields = require('tarantella.fields')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')

local NULL = box.NULL

local steps = {}

-- The end of the life: it begins when the delay ends, so it moves with that.
local function new_dead(tuple, arg, now)
    local before = row.state(tuple) == const.DELAYED and math.max(now, row.due(tuple) or 0) or now
    local after = arg.due ~= nil and math.max(now, arg.due) or before
    if arg.ttl_us ~= nil then
        return arg.ttl_us == math.huge and NULL or after + arg.ttl_us
    end
    local dead = row.dead(tuple)
    return dead ~= nil and dead + after - before or NULL
end

-- With `aging` the row's priority has the time in it, see ability/aging.lua.
local function set_pri(tube, tuple, pri, set)
    local meta = tuple[fields.meta]
    if meta == nil or meta.pri == nil or tube.opts.aging == nil then
        set('pri', pri)
        return
    end
    set('pri', math.floor(row.pri(tuple) + (pri - meta.pri) * tube.opts.aging * 1000))
    meta.pri = pri
    set('meta', meta)
end

local function operations(tube, tuple, arg, letter)
    local ops = {}
    local function set(field, value)
        table.insert(ops, { '=', fields[field], value })
    end
    local now = timer.wall_us()
    if arg.due ~= nil then
        set('state', letter)
        set('due', letter == const.DELAYED and arg.due or NULL)
    end
    if arg.due ~= nil or arg.ttl_us ~= nil then
        set('dead', new_dead(tuple, arg, now))
    end
    if arg.pri ~= nil then
        set_pri(tube, tuple, arg.pri, set)
    end
    if arg.ttr_us ~= nil then
        set('ttr', arg.ttr_us ~= math.huge and arg.ttr_us or NULL)
    end
    if arg.has_lane then
        set('lane', arg.lane or NULL)
    end
    -- Last, for its field may not be there yet.
    if arg.has_data then
        set('data', arg.data == nil and NULL or arg.data)
    end
    return ops
end

local function write(letter)
    return function(tube, id, arg)
        local tuple = tube.store.pk:get(id)
        if tuple == nil then
            return nil
        end
        return tube.store.pk:update(id, operations(tube, tuple, arg, letter))
    end
end

local function publish(state)
    return function(_, sched, n, tuple, arg)
        if arg.has_lane then
            sched.ready:rebind(n, row.lane(tuple))
        end
        local moment = state == schedule.DELAYED and row.due(tuple) or row.dead(tuple)
        sched:settle(n, state, row.pri(tuple), moment or 0)
    end
end

local function of(event)
    local by_state = {}
    for state, letter in pairs({
        [schedule.READY] = const.READY, [schedule.DELAYED] = const.DELAYED, [schedule.BURIED] = const.BURIED,
    }) do
        by_state[state] = { letter = letter, event = event, write = write(letter), publish = publish(state) }
    end
    return by_state
end

---state afterwards → step
steps.update = of('update')
steps.promote = of('promote')[schedule.READY]

---The task goes on in another tube, whose row is written by the same transaction.
steps.leave = {
    letter = const.DONE,
    event = 'delete',
    write = function(tube, id) return tube.store:delete(id) end,
    publish = function(tube, sched, n)
        sched:forget(n)
        tube:signal_room()
    end,
}

return steps
