-- `aging`: priorities that starve nobody for ever. A task that waits for `aging` seconds has
-- gained one step of priority on those that come now.
--
-- All tasks gain at the same pace, so their order never changes, and a number that stands
-- from the put on says it: pri * aging + the time of the put. The row's `pri` is that number,
-- in milliseconds; the priority itself stands in its meta.

local args = require('tarantella.api.args')
local errors = require('tarantella.errors')
local registry = require('tarantella.registry')
local timer = require('tarantella.timer')

local MAX_SECONDS = 365 * 86400
-- Leaves room for the time in an integer that doubles count exactly.
local MAX_SHIFT_MS = 2 ^ 52

local function check_aging(value, kind)
    local preset = registry.preset(kind)
    if preset ~= nil and not preset.options.pri then
        errors.raise('INVALID_ARGUMENT', ('A %s tube has no priorities for an `aging`'):format(kind))
    end
    local seconds = args.seconds('aging', value)
    if seconds < 0.001 or seconds > MAX_SECONDS then
        errors.invalid('aging', ('a number of seconds from 0.001 to %d'):format(MAX_SECONDS), value)
    end
    return seconds
end

-- A task that is put with a delay waits from the end of that on.
local function before_put(tube, options)
    local pri = options.pri or tube.pri
    local wall_ms = timer.wall_us() / 1000
    local from_ms = wall_ms
    if options.at ~= nil then
        from_ms = math.max(wall_ms, options.at * 1000)
    elseif options.delay ~= nil then
        from_ms = wall_ms + options.delay * 1000
    end
    local shift_ms = pri * tube.opts.aging * 1000
    shift_ms = math.min(math.max(shift_ms, -MAX_SHIFT_MS), MAX_SHIFT_MS)
    options.meta = options.meta or {}
    options.meta.pri = pri
    options.pri = math.floor(shift_ms + from_ms)
    return nil
end

local function attach(tube)
    if tube.opts.aging == nil then
        return nil
    end
    return { before_put = before_put }
end

return {
    name = 'aging',
    tube_options = { aging = check_aging },
    attach = attach,
}
