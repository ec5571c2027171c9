-- What the options of a tube say of its tasks; some of them may be changed while it stands.

local const = require('tarantella.const')

local defaults = {}

local function duration_us(seconds)
    if seconds == nil or seconds >= const.MAX_DURATION_S then
        return nil
    end
    return math.floor(seconds * const.MICRO)
end

---Sets a tube's pri, ttl_us, ttr_us (nil: no limit), capacity (nil: none) and on_full.
---@param opts table as stored
function defaults.set(tube, opts)
    tube.opts = opts
    tube.pri = opts.pri or 0
    tube.ttl_us, tube.ttr_us = duration_us(opts.ttl), duration_us(opts.ttr or opts.ttl)
    tube.capacity = (opts.capacity or 0) > 0 and opts.capacity or nil
    -- 'wait', 'reject' or 'drop_oldest', see room.lua; nil without a capacity.
    tube.on_full = nil
    if tube.capacity ~= nil then
        tube.on_full = opts.on_full or (tube.preset.capacity and 'wait' or 'reject')
    end
end

return defaults
