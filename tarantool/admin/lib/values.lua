-- What operators type, as values: numbers, spans, moments, JSON. Each gives nil, and what was
-- expected, for what it cannot read.

local json = require('json')

local values = {}

function values.string(word)
    return word
end

function values.integer(word)
    local n = tonumber(word)
    if n == nil or n ~= math.floor(n) or not word:match('^%-?%d+$') then
        return nil, 'an integer'
    end
    return n
end

local UNITS = { [''] = 1, s = 1, m = 60, h = 3600, d = 86400 }

---Seconds: `90`, `1.5`, `5m`, `2h`, `7d`.
function values.span(word)
    local digits, unit = word:match('^([%d%.]+)([smhd]?)$')
    local n = digits and tonumber(digits)
    if n == nil then
        return nil, 'a span such as 90, 90s, 5m, 2h or 7d'
    end
    return n * UNITS[unit]
end

-- Days since 1970 of a date of the Gregorian calendar.
local function days(year, month, day)
    if month <= 2 then
        year, month = year - 1, month + 12
    end
    local leaps = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    return 365 * year + leaps + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

local PATTERN = '^(%d%d%d%d)%-(%d%d)%-(%d%d)[T ](%d%d):(%d%d):?(%d*)(.*)$'
local EXPECTED = 'seconds since 1970 or a moment such as 2026-11-23T09:00:00+01:00 or …Z'

---Seconds since 1970. A moment without a zone could mean two things, and is refused.
function values.moment(word)
    if tonumber(word) ~= nil then
        return tonumber(word)
    end
    local year, month, day, hour, minute, second, zone = word:match(PATTERN)
    local sign, zone_hour, zone_minute = (zone or ''):match('^([+-])(%d%d):?(%d%d)$')
    if year == nil or zone ~= 'Z' and sign == nil then
        return nil, EXPECTED
    end
    local n = { tonumber(month), tonumber(day), tonumber(hour), tonumber(minute), tonumber(second) or 0 }
    if n[1] < 1 or n[1] > 12 or n[2] < 1 or n[2] > 31 or n[3] > 23 or n[4] > 59 or n[5] > 60 then
        return nil, EXPECTED
    end
    local offset = sign and (tonumber(zone_hour) * 3600 + tonumber(zone_minute) * 60) * (sign == '+' and 1 or -1) or 0
    return days(tonumber(year), n[1], n[2]) * 86400 + n[3] * 3600 + n[4] * 60 + n[5] - offset
end

function values.json(word)
    local ok, value = pcall(json.decode, word)
    if not ok then
        return nil, "JSON (a string needs its quotes: '\"text\"')"
    end
    return value
end

---Names divided by commas.
function values.list(word)
    local list = {}
    for name in word:gmatch('[^,%s]+') do
        table.insert(list, name)
    end
    return list
end

return values
