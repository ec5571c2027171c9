-- Checks of what callers pass; behind them the domain trusts its arguments.

local ffi = require('ffi')
local abilities = require('tarantella.abilities')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local timer = require('tarantella.timer')

local args = {}

local int64_t, uint64_t = ffi.typeof('int64_t'), ffi.typeof('uint64_t')

-- Integers above 10^14 arrive as 64-bit cdata.
local function to_number(value)
    if type(value) == 'number' then
        return value
    end
    if type(value) == 'cdata' and (ffi.istype(uint64_t, value) or ffi.istype(int64_t, value)) then
        return tonumber(value)
    end
    return nil
end

---@return integer
function args.integer(name, value, min, max)
    local n = to_number(value)
    if n == nil or n ~= math.floor(n) or n < min or n > max then
        errors.invalid(name, ('an integer from %.0f to %.0f'):format(min, max), value)
    end
    return n
end

function args.id(value)
    return args.integer('id', value, 0, const.MAX_SAFE_INTEGER)
end

---@return integer|nil
function args.token(value)
    if value == nil then
        return nil
    end
    return args.integer('token', value, 0, const.MAX_SAFE_INTEGER)
end

---A span that may be longer than the queue counts, and then means "no limit".
---@return number|nil
function args.seconds(name, value)
    if value == nil then
        return nil
    end
    local n = to_number(value)
    -- NaN differs from itself.
    if n == nil or n ~= n or n < 0 or n == math.huge then
        errors.invalid(name, 'a number of seconds >= 0', value)
    end
    n = math.min(n, const.MAX_DURATION_S)
    return n
end

---A span that is added to a clock.
---@return number|nil
function args.delay(name, value)
    local n = args.seconds(name, value)
    if n ~= nil and n >= const.MAX_DURATION_S then
        errors.invalid(name, 'at most 100 years, in seconds', value)
    end
    return n
end

---A moment: seconds since 1970, maybe past.
---@return number|nil
function args.moment(name, value)
    if value == nil then
        return nil
    end
    local n = to_number(value)
    if n == nil or n ~= n or math.abs(n) > 2 * const.MAX_DURATION_S then
        errors.invalid(name, 'seconds since 1970, up to the year 2170', value)
    end
    return math.max(0, n)
end

---Options `delay` and `at` of a release.
---@return number|nil seconds
function args.release_delay(o)
    local delay, at = args.delay('delay', o.delay), args.moment('at', o.at)
    if at == nil then
        return delay
    elseif delay ~= nil and delay > 0 then
        errors.raise('INVALID_ARGUMENT', 'Expected one of `delay` and `at`, got both')
    end
    return math.max(0, at - timer.wall_us() / const.MICRO)
end

---@return table|nil options; a call may leave them out or pass null
function args.options(name, value)
    if value == nil then
        return nil
    end
    if type(value) ~= 'table' then
        errors.invalid(name, 'a map', value)
    end
    return value
end

---Refuses options that are not known; for the functions that are not tarantool/queue's.
---@param known table name → true
function args.known_only(options, known, what)
    for name in pairs(options) do
        if not known[name] then
            errors.raise('INVALID_ARGUMENT', ('Unknown option `%s` of %s'):format(tostring(name), what))
        end
    end
end

---Name of a lane.
---@return string|nil
function args.lane(value)
    if value == nil then
        return nil
    end
    local kind = type(value)
    if kind == 'table' or kind == 'function' then
        errors.invalid('utube', 'a string or a number', value)
    end
    local name = tostring(value)
    if #name > const.MAX_LANE_BYTES then
        errors.invalid('utube', ('at most %d bytes'):format(const.MAX_LANE_BYTES), value)
    end
    return name
end

---Name of the lane that a take is to be from.
---@return string|nil
function args.lane_of(tube, value)
    if value ~= nil and not tube.preset.lanes then
        errors.raise('INVALID_ARGUMENT', ('A %s tube has no `utube`'):format(tube.type))
    end
    return args.lane(value)
end

---Options of a put, checked, with what the tube's type does not have left out or, if strict, refused.
---@return table|nil
function args.put_options(tube, value, strict)
    local o = args.options('opts', value)
    if o == nil or next(o) == nil then
        return nil
    end
    local known = tube.preset.options
    local checked = {}
    for name, given in pairs(o) do
        if not known[name] then
            local check = abilities.put_options()[name]
            if check ~= nil then
                checked[name] = check(tube, given, strict)
            elseif strict then
                errors.raise('INVALID_ARGUMENT', ('Unknown option `%s` of put into a %s tube'):format(
                    tostring(name), tube.type))
            end
        end
    end
    if known.pri and o.pri ~= nil then
        checked.pri = args.integer('pri', o.pri, -const.MAX_SAFE_INTEGER, const.MAX_SAFE_INTEGER)
    end
    if known.ttl then
        checked.ttl, checked.ttr = args.seconds('ttl', o.ttl), args.seconds('ttr', o.ttr)
        checked.delay, checked.at = args.delay('delay', o.delay), args.moment('at', o.at)
        if checked.at ~= nil and checked.delay ~= nil and checked.delay > 0 then
            errors.raise('INVALID_ARGUMENT', 'Expected one of `delay` and `at`, got both')
        end
    end
    if known.utube then
        checked.lane = args.lane(o.utube)
    end
    if known.timeout then
        checked.timeout = args.seconds('timeout', o.timeout)
    end
    return checked
end

---@return integer
function args.count(name, value, max)
    return args.integer(name, value, 1, max)
end

---Key by which a waiting take can be cancelled.
function args.key(value)
    local n = to_number(value)
    if n ~= nil and n == n then
        return n
    end
    if type(value) ~= 'string' or #value > const.MAX_KEY_BYTES then
        errors.invalid('key', ('a number or a string of at most %d bytes'):format(const.MAX_KEY_BYTES), value)
    end
    return value
end

---@return table an array of 0 to MAX_BATCH items
function args.list(name, value)
    if type(value) ~= 'table' then
        errors.invalid(name, 'an array', value)
    end
    if #value > const.MAX_BATCH then
        errors.raise('INVALID_ARGUMENT', ('Expected `%s` to have at most %d items, got %d'):format(
            name, const.MAX_BATCH, #value))
    end
    return value
end

return args
