-- What callers say of a schedule, checked and turned into its row.

local msgpack = require('msgpack')
local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local registry = require('tarantella.registry')
local ticks = require('tarantella.ability.schedule_ticks')
local timer = require('tarantella.timer')

local MICRO = const.MICRO
local KNOWN = {
    tube = true, data = true, opts = true, every = true, anchor = true, at = true, ticks = true, cron = true,
    tz = true, catch_up = true, grace = true, if_exists = true, limit = true, ends = true,
}
local CATCH_UP = { none = true, last = true, all = true }
local IF_EXISTS = { replace = true, keep = true, error = true }
local MAX_NAME_BYTES, MAX_CRON_BYTES, MAX_ZONE_BYTES = 256, 256, 64
local MAX_OPTS_BYTES = 4096
local MIN_EVERY_S = 0.01
local DEFAULT_GRACE_S = 60

local spec = { MAX_TICKS = 1000 }

local function text(name, value, most)
    if value == nil then
        return nil
    end
    if type(value) ~= 'string' or #value == 0 or #value > most then
        errors.invalid(name, ('a string of 1 to %d bytes'):format(most), value)
    end
    return value
end

---@return string
function spec.name(value)
    return text('name', value == nil and '' or value, MAX_NAME_BYTES)
end

local function one_of(name, value, known, default)
    if value == nil then
        return default
    elseif not known[value] then
        local all = {}
        for each in pairs(known) do
            table.insert(all, ("'%s'"):format(each))
        end
        table.sort(all)
        errors.invalid(name, table.concat(all, ', '), value)
    end
    return value
end

local function moment_us(name, value)
    local seconds = args.moment(name, value)
    return seconds ~= nil and math.floor(seconds * MICRO + 0.5) or nil
end

---@param value table seconds since 1970, ascending
---@return number[] microseconds
function spec.ticks(value)
    if type(value) ~= 'table' then
        errors.invalid('ticks', 'an array of seconds since 1970', value)
    elseif #value > spec.MAX_TICKS then
        errors.raise('INVALID_ARGUMENT', ('Expected `ticks` to have at most %d items, got %d'):format(
            spec.MAX_TICKS, #value))
    end
    local list = {}
    for i = 1, #value do
        if value[i] == nil then
            errors.invalid('ticks', 'an array of seconds since 1970', value[i])
        end
        list[i] = moment_us('ticks', value[i])
        if i > 1 and list[i] <= list[i - 1] then
            errors.invalid('ticks', 'ascending', value[i])
        end
    end
    return list
end

local function tube_of(o)
    local tube = type(o.tube) == 'string' and registry.get(o.tube) or nil
    if tube == nil or not tube:await() then
        errors.tube_not_found()
    elseif tube.store.is_vinyl then
        errors.raise('INVALID_ARGUMENT', 'A tube of the vinyl engine cannot have schedules: '
            .. 'one transaction cannot have rows of both engines')
    end
    return tube
end

local function options(tube, value)
    value = args.options('opts', value)
    if value == nil or next(value) == nil then
        return nil
    end
    if value.at ~= nil then
        errors.raise('INVALID_ARGUMENT', 'Expected no `at` in the `opts` of a schedule: its ticks say when')
    end
    args.put_options(tube, value, true)
    if #msgpack.encode(value) > MAX_OPTS_BYTES then
        errors.raise('INVALID_ARGUMENT', ('Expected `opts` to take at most %d bytes'):format(MAX_OPTS_BYTES))
    end
    return setmetatable(value, { __serialize = 'map' })
end

local function period(o)
    local every = args.delay('every', o.every)
    if every < MIN_EVERY_S then
        errors.invalid('every', ('at least %g seconds'):format(MIN_EVERY_S), o.every)
    elseif o.anchor ~= nil and o.at ~= nil then
        errors.raise('INVALID_ARGUMENT', 'Expected one of `anchor` and `at`, got both')
    end
    return math.floor(every * MICRO + 0.5), moment_us('anchor', o.anchor == nil and o.at or o.anchor)
end

---@return table a schedule that has not begun: without `seen`, and without `anchor` where none was said
---@return string if_exists
function spec.parse(name, value)
    local o = args.options('schedule', value)
    if o == nil then
        errors.invalid('schedule', 'a map', value)
    end
    args.known_only(o, KNOWN, 'schedule')
    local s = { name = spec.name(name), tube = o.tube, data = o.data, count = 0, errors = 0, is_paused = false }
    if (o.every == nil) == (o.ticks == nil) then
        errors.raise('INVALID_ARGUMENT', 'Expected one of `every` and `ticks`')
    elseif o.every ~= nil then
        s.every, s.anchor = period(o)
    elseif o.anchor ~= nil or o.at ~= nil then
        errors.raise('INVALID_ARGUMENT', 'Expected `anchor` only with `every`')
    else
        s.ticks = spec.ticks(o.ticks)
    end
    s.rules = {
        opts = options(tube_of(o), o.opts),
        cron = text('cron', o.cron, MAX_CRON_BYTES),
        tz = text('tz', o.tz, MAX_ZONE_BYTES),
        catch_up = one_of('catch_up', o.catch_up, CATCH_UP, 'last'),
        grace = args.seconds('grace', o.grace) or DEFAULT_GRACE_S,
        limit = o.limit ~= nil and args.integer('limit', o.limit, 1, const.MAX_SAFE_INTEGER) or nil,
        ends = moment_us('ends', o.ends),
    }
    return s, one_of('if_exists', o.if_exists, IF_EXISTS, 'replace')
end

---Appends ticks that are later than all that are known.
---@param list number[] microseconds, ascending
---@return integer how many were appended
function spec.append(s, list)
    local known = math.max(s.seen, s.ticks[#s.ticks] or 0)
    local all = {}
    for i = ticks.count_until(s.ticks, s.seen) + 1, #s.ticks do
        table.insert(all, s.ticks[i])
    end
    local added = 0
    for i = ticks.count_until(list, known) + 1, #list do
        if #all >= spec.MAX_TICKS then
            break
        end
        table.insert(all, list[i])
        added = added + 1
    end
    s.ticks = all
    return added
end

-- A list of the same cron: what is due and not put yet stays, and no tick comes twice.
local function join(s, older)
    local all = {}
    for _, tick in ipairs(older.ticks) do
        if tick > older.seen and (s.ticks[1] == nil or tick < s.ticks[1]) and #all < spec.MAX_TICKS then
            table.insert(all, tick)
        end
    end
    for i = ticks.count_until(s.ticks, older.seen) + 1, #s.ticks do
        if #all < spec.MAX_TICKS then
            table.insert(all, s.ticks[i])
        end
    end
    s.ticks = all
end

local function is_same_time(s, older)
    if s.every ~= nil then
        return s.every == older.every and (s.anchor == nil or s.anchor == older.anchor)
    end
    return older.ticks ~= nil and s.rules.cron ~= nil and s.rules.cron == older.rules.cron
        and s.rules.tz == older.rules.tz
end

---Begins a schedule, or goes on with the one of that name if its time is the same.
---@param older table|nil
function spec.begin(s, older)
    s.is_paused = older ~= nil and older.is_paused
    if older ~= nil and is_same_time(s, older) then
        s.seen, s.last, s.count, s.anchor = older.seen, older.last, older.count, older.anchor
        if s.ticks ~= nil then
            join(s, older)
        end
    elseif s.every ~= nil then
        s.seen = timer.wall_us()
        s.anchor = s.anchor or s.seen
    else
        s.seen = older ~= nil and older.ticks ~= nil and older.seen or 0
    end
end

return spec
