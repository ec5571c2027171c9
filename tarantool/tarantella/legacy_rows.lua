-- The rows of tarantool/queue's spaces, read as ours and written back. The payload's bytes
-- are moved as they are.

local const = require('tarantella.const')

-- Its "no limit": a hundred years of microseconds, or more.
local NO_LIMIT = const.MAX_DURATION_S * const.MICRO
local NULL = box.NULL

-- Numbers of the fields that a type has beside task_id and status.
local TTL = { next_event = 3, ttl = 4, ttr = 5, pri = 6, created = 7, data = 8 }
local LAYOUTS = {
    fifo = { data = 3 },
    fifottl = TTL,
    limfifottl = TTL,
    utube = { lane = 3, data = 4 },
    utubettl = { next_event = 3, ttl = 4, ttr = 5, pri = 6, created = 7, lane = 8, data = 9 },
}

local legacy_rows = {}

---@return boolean whether this is one of its types
function legacy_rows.has(kind)
    return LAYOUTS[kind] ~= nil
end

---@param kind string type of the tube
---@param tuple box.tuple a row of tarantool/queue's
---@return box.tuple the same task as a row of ours: a taken one is ready again
function legacy_rows.read(kind, tuple)
    local at = LAYOUTS[kind]
    local state, due, dead, ttr, pri = tuple[2], NULL, NULL, NULL, 0
    if state == const.TAKEN then
        state = const.READY
    end
    if at.ttl ~= nil then
        pri = tuple[at.pri]
        if tonumber(tuple[at.ttl]) < NO_LIMIT then
            dead = tuple[at.created] + tuple[at.ttl]
        end
        if tonumber(tuple[at.ttr]) < NO_LIMIT then
            ttr = tuple[at.ttr]
        end
        if state == const.DELAYED then
            due = tuple[at.next_event]
        end
    end
    local lane = at.lane ~= nil and tuple[at.lane] or NULL
    return tuple:transform(1, at.data - 1, tuple[1], state, pri, due, dead, ttr, lane, NULL)
end

---@param kind string
---@param tuple box.tuple a row of ours
---@param now number microseconds since 1970
---@return box.tuple as tarantool/queue stores it
function legacy_rows.write(kind, tuple, now)
    local at = LAYOUTS[kind]
    local fields = { tuple.id, tuple.state }
    if at.ttl ~= nil then
        local ttl = tuple.dead ~= nil and math.max(0, tonumber(tuple.dead) - now) or NO_LIMIT
        fields[at.next_event] = tuple.due ~= nil and tonumber(tuple.due) or now + ttl
        fields[at.ttl] = ttl
        fields[at.ttr] = tuple.ttr ~= nil and tonumber(tuple.ttr) or ttl
        fields[at.pri] = tuple.pri
        fields[at.created] = now
    end
    if at.lane ~= nil then
        fields[at.lane] = tuple.lane or 'nil'
    end
    return tuple:transform(1, 8, unpack(fields, 1, at.data - 1))
end

return legacy_rows
