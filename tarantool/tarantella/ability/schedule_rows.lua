-- The rows of recurring schedules. The index `due` is the order in which the timer works,
-- so nothing about a schedule is kept in memory alone.

local const = require('tarantella.const')
local ticks = require('tarantella.ability.schedule_ticks')

local MICRO = const.MICRO
-- Health speaks of a list with fewer ticks than this, or whose last tick is this near.
local FEW_TICKS = 10
local SOON_US = 3600 * MICRO
-- An alarm that is on already.
local ALWAYS = 1

local rows = {}

-- Integers above 10^14 come as 64-bit cdata.
local function number(value)
    return value ~= nil and tonumber(value) or nil
end

local function numbers(list)
    if list == nil then
        return nil
    end
    local all = {}
    for i, value in ipairs(list) do
        all[i] = tonumber(value)
    end
    return all
end

function rows.space()
    return box.space[const.SCHEDULE_SPACE]
end

---@param tuple box.tuple
---@return table a schedule, moments in microseconds
function rows.read(tuple)
    local rules = tuple.rules
    rules.ends = number(rules.ends)
    return {
        name = tuple.name, tube = tuple.tube, due = number(tuple.due), alarm = number(tuple.alarm),
        next = number(tuple.next_tick), seen = number(tuple.seen_tick), last = number(tuple.last_tick),
        count = number(tuple.count), errors = number(tuple.errors), error = tuple.error,
        is_paused = tuple.is_paused, every = number(tuple.every), anchor = number(tuple.anchor),
        ticks = numbers(tuple.ticks), rules = rules, data = tuple.data,
    }
end

---@return table|nil
function rows.get(name)
    local tuple = rows.space():get(name)
    return tuple ~= nil and rows.read(tuple) or nil
end

local function alarm_of(s)
    if s.errors > 0 then
        return ALWAYS
    elseif s.ticks == nil or s.is_paused then
        return nil
    end
    local left, last = ticks.left(s), s.ticks[#s.ticks]
    local limit, ends = s.rules.limit, s.rules.ends
    if limit ~= nil and limit - s.count <= left or ends ~= nil and last ~= nil and last >= ends then
        return nil
    elseif left < FEW_TICKS then
        return ALWAYS
    end
    return math.max(ALWAYS, math.min(s.ticks[#s.ticks - FEW_TICKS + 1], last - SOON_US))
end

---Derives what follows from the rest: the next tick, when the timer comes, when to warn.
---@param not_before number|nil the timer is not to come earlier
function rows.settle(s, not_before)
    local is_over = s.rules.limit ~= nil and s.count >= s.rules.limit
    s.next = not is_over and ticks.after(s, s.seen) or nil
    s.due = not s.is_paused and s.next ~= nil and math.max(s.next, not_before or 0) or nil
    s.alarm = alarm_of(s)
end

---Writes a whole schedule.
---@return box.tuple
function rows.write(s)
    local null = box.NULL
    return rows.space():replace({
        s.name, s.tube, s.due or null, s.alarm or null, s.next or null, s.seen, s.last or null, s.count,
        s.errors, s.error or null, s.is_paused, s.every or null, s.anchor or null, s.ticks or null,
        setmetatable(s.rules, { __serialize = 'map' }), s.data == nil and null or s.data,
    })
end

---Writes what changes from tick to tick.
function rows.advance(s)
    local null = box.NULL
    rows.space():update(s.name, {
        { '=', 'due', s.due or null }, { '=', 'alarm', s.alarm or null }, { '=', 'next_tick', s.next or null },
        { '=', 'seen_tick', s.seen }, { '=', 'last_tick', s.last or null }, { '=', 'count', s.count },
        { '=', 'errors', s.errors }, { '=', 'error', s.error or null },
    })
end

-- The schedules that have a moment in an index, nearest first.
local function by(index, limit)
    return rows.space().index[index]:select({ 0 }, { iterator = 'GE', limit = limit })
end

---@return string[] names of schedules that are due, up to `limit`
function rows.due(now, limit)
    local names = {}
    for _, tuple in ipairs(by('due', limit)) do
        if tuple.due > now then
            break
        end
        table.insert(names, tuple.name)
    end
    return names
end

---@return number|nil when the timer has to come next
function rows.nearest()
    local first = by('due', 1)[1]
    return first ~= nil and tonumber(first.due) or nil
end

---@return table[] schedules that health is to speak of, up to `limit`
function rows.alarming(now, limit)
    local list = {}
    for _, tuple in ipairs(by('alarm', limit)) do
        if tuple.alarm > now then
            break
        end
        table.insert(list, tuple)
    end
    return list
end

return rows
