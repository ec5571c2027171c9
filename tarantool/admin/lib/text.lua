-- Text as people read it: its width on a terminal, spans and moments, numbers.

local json = require('json')
local utf8 = require('utf8')

local text = {}

-- First and last code points that take two columns, and none.
local WIDE = {
    { 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23ec }, { 0x25fd, 0x25fe }, { 0x2614, 0x2615 },
    { 0x26aa, 0x26ab }, { 0x26bd, 0x26be }, { 0x2705, 0x2705 }, { 0x270a, 0x270b }, { 0x2728, 0x2728 },
    { 0x274c, 0x274c }, { 0x2753, 0x2757 }, { 0x2795, 0x2797 }, { 0x2e80, 0x303e }, { 0x3041, 0xa4cf },
    { 0xa960, 0xa97c }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff01, 0xff60 },
    { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x1fa70, 0x1faff },
    { 0x20000, 0x3fffd },
}
local NARROW = {
    { 0x300, 0x36f }, { 0x483, 0x489 }, { 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f }, { 0x1ab0, 0x1aff },
    { 0x1dc0, 0x1dff }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x2064 }, { 0x20d0, 0x20ff },
    { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff }, { 0xe0100, 0xe01ef },
}

local function is_in(ranges, code)
    for _, range in ipairs(ranges) do
        if code < range[1] then
            return false
        elseif code <= range[2] then
            return true
        end
    end
    return false
end

local function width_of(code)
    if code < 0x300 then
        return 1
    end
    return is_in(NARROW, code) and 0 or is_in(WIDE, code) and 2 or 1
end

---@param value string UTF-8; a byte that is none counts as one column
---@return integer columns
function text.width(value)
    if utf8.len(value) == nil then
        return #value
    end
    local width = 0
    for _, code in utf8.next, value do
        width = width + width_of(code)
    end
    return width
end

---@return string of at most that many columns, with `…` where something is left out
function text.fit(value, columns)
    if text.width(value) <= columns then
        return value
    elseif utf8.len(value) == nil then
        return value:sub(1, columns - 1) .. '…'
    end
    local width, last = 0, 0
    for after, code in utf8.next, value do
        width = width + width_of(code)
        if width > columns - 1 then
            break
        end
        last = after - 1
    end
    return value:sub(1, last) .. '…'
end

---@return string with thin groups of digits: 1 234 567
function text.number(n)
    local digits = ('%.0f'):format(n)
    local sign, rest = digits:match('^(-?)(%d+)$')
    if rest == nil or #rest < 5 then
        return digits
    end
    return sign .. rest:reverse():gsub('(%d%d%d)', '%1 '):reverse():gsub('^ ', '')
end

---@return string `pri=5 ttr=60`, by name
function text.options(opts)
    local list = {}
    for name, value in pairs(opts) do
        table.insert(list, ('%s=%s'):format(name, type(value) == 'table' and json.encode(value) or tostring(value)))
    end
    table.sort(list)
    return table.concat(list, ' ')
end

---@return string `1 task`, `12 345 tasks`
function text.tasks(n)
    return ('%s %s'):format(text.number(n), tonumber(n) == 1 and 'task' or 'tasks')
end

local UNITS = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } }

---@param seconds number
---@return string of the two largest units: `2h 5m`
function text.span(seconds)
    if seconds < 10 then
        return ('%.3gs'):format(seconds)
    end
    local rest = math.floor(seconds + 0.5)
    for i, unit in ipairs(UNITS) do
        if rest >= unit[1] then
            local first = math.floor(rest / unit[1])
            local next_unit = UNITS[i + 1]
            local second = next_unit and math.floor((rest - first * unit[1]) / next_unit[1]) or 0
            return first .. unit[2] .. (second > 0 and (' %d%s'):format(second, next_unit[2]) or '')
        end
    end
end

---@param moment number|nil seconds since 1970
---@return string how far away it is
function text.away(moment, now)
    if moment == nil then
        return ''
    end
    local rest = moment - now
    return rest >= 0 and 'in ' .. text.span(rest) or text.span(-rest) .. ' ago'
end

---@return string in UTC
function text.moment(moment)
    return os.date('!%Y-%m-%d %H:%M:%S', math.floor(moment))
end

return text
