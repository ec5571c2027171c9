-- `capacity` and `on_full` of any type of tube, and puts that wait for room; see room.lua.

local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')

local WAYS = { wait = true, reject = true, drop_oldest = true }

local function check_capacity(value, _, o)
    local n = args.integer('capacity', value, 0, const.MAX_SAFE_INTEGER)
    if n > 0 and o.engine == 'vinyl' then
        errors.raise('INVALID_ARGUMENT', 'A tube with the vinyl engine cannot have a `capacity`')
    end
    return n
end

local function check_on_full(value, _, o)
    if not WAYS[value] then
        errors.invalid('on_full', "'wait', 'reject' or 'drop_oldest'", value)
    elseif type(o.capacity) ~= 'number' or o.capacity <= 0 then
        errors.raise('INVALID_ARGUMENT', 'Expected a `capacity` beside `on_full`')
    end
    return value
end

-- In the contract's methods an option that the tube does not have is left out.
local function check_timeout(tube, value, strict)
    if tube.on_full == 'wait' then
        return args.seconds('timeout', value)
    elseif strict then
        errors.raise('INVALID_ARGUMENT', "Puts wait, by `timeout`, for a tube with the `on_full` of 'wait' only")
    end
    return nil
end

local function statistics(tube, to)
    if tube.on_full ~= nil then
        to.capacity = {
            capacity = tube.capacity, on_full = tube.on_full,
            waiting = tube.room.n, dropped = tube.calls.drop or 0,
        }
    end
end

return {
    name = 'capacity',
    tube_options = { capacity = check_capacity, on_full = check_on_full },
    put_options = { timeout = check_timeout },
    statistics = statistics,
}
