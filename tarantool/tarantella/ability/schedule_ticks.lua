-- When a schedule is due: arithmetic of ticks, in microseconds since 1970, with no clock.
--
-- A schedule has a period (`every` and the `anchor` that it is counted from) or a list of
-- `ticks`. No tick is later than `rules.ends`. `seen` is the last tick that was put or
-- passed over.

local MICRO = require('tarantella.const').MICRO

local ticks = {}

---@return integer how many of an ascending list are <= moment
function ticks.count_until(list, moment)
    local low, high = 0, #list
    while low < high do
        local middle = math.ceil((low + high) / 2)
        if list[middle] <= moment then
            low = middle
        else
            high = middle - 1
        end
    end
    return low
end

---@return number|nil the first tick after a moment
function ticks.after(s, moment)
    local tick
    if s.every ~= nil then
        tick = s.anchor + math.max(0, math.floor((moment - s.anchor) / s.every) + 1) * s.every
    else
        tick = s.ticks[ticks.count_until(s.ticks, moment) + 1]
    end
    if tick ~= nil and s.rules.ends ~= nil and tick > s.rules.ends then
        return nil
    end
    return tick
end

-- The last tick that is not after a moment; there is one.
local function newest(s, moment)
    moment = math.min(moment, s.rules.ends or moment)
    if s.every ~= nil then
        return s.anchor + math.floor((moment - s.anchor) / s.every) * s.every
    end
    return s.ticks[ticks.count_until(s.ticks, moment)]
end

---What is to be put at a moment that `s.next` has reached.
---@param most integer of `all`, how many at a time
---@return number[] ticks to put
---@return number the last tick that is done with then
function ticks.due(s, now, most)
    if s.rules.catch_up ~= 'all' then
        local last = newest(s, now)
        if s.rules.catch_up == 'none' and now - last > s.rules.grace * MICRO then
            return {}, last
        end
        return { last }, last
    end
    local list, tick = {}, s.next
    while tick ~= nil and tick <= now and #list < most do
        table.insert(list, tick)
        tick = ticks.after(s, tick)
    end
    return list, list[#list]
end

---@return integer|nil ticks of a list that are still to come
function ticks.left(s)
    return s.ticks ~= nil and #s.ticks - ticks.count_until(s.ticks, s.seen) or nil
end

return ticks
