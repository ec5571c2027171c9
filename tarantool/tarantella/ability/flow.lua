-- `queue.pause`, `queue.resume`, `queue.set_rate`, and the options `rate` and `lane_rate`: the
-- stored settings of flow.lua. A row replaces what the tube's options say.

local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local flow = require('tarantella.flow')
local registry = require('tarantella.registry')
local timer = require('tarantella.timer')

local TUBE, EACH, LANE = 'tube', 'each', 'lane'
local RATE_OPTIONS = { rate = true, burst = true }
local PAUSE_OPTIONS = { utube = true }
local SET_OPTIONS = { rate = true, burst = true, utube = true, each = true }
-- Names of paused lanes that statistics list.
local MAX_NAMES = 100

-- Tubes whose rows changed in a transaction of a caller: id → true.
local stale = {}

local function number(name, value, least)
    if type(value) ~= 'number' or not (value >= least and value <= const.MAX_RATE) then
        errors.invalid(name, ('a number from %g to %d'):format(least, const.MAX_RATE), value)
    end
    return value
end

-- { rate, burst } as users give it; nil without a rate.
local function checked_rate(o)
    if o.rate == nil then
        if o.burst ~= nil then
            errors.raise('INVALID_ARGUMENT', 'Expected a `rate` beside `burst`')
        end
        return nil
    end
    return { rate = number('rate', o.rate, 0.001), burst = o.burst ~= nil and number('burst', o.burst, 0) or 0 }
end

local function rate_option(name)
    return function(value, kind)
        local o = args.options(name, value)
        args.known_only(o, RATE_OPTIONS, name)
        local preset = registry.preset(kind)
        if name == 'lane_rate' and preset ~= nil and not preset.lanes then
            errors.raise('INVALID_ARGUMENT', ('A %s tube has no lanes for a `lane_rate`'):format(kind))
        end
        return checked_rate(o)
    end
end

-- In thousandths, as bucket.lua counts.
local function limit_of(rate)
    if rate == nil then
        return nil
    end
    return { rate = math.floor(rate.rate * 1000 + 0.5), burst = math.floor(rate.burst * 1000 + 0.5) }
end

-- What the options of the tube say of a scope: { is_paused, rate }.
local function default(tube, scope)
    local opts = tube.opts
    return { is_paused = false, rate = scope == TUBE and opts.rate or scope == EACH and opts.lane_rate or nil }
end

local function of_row(row)
    local rate = row.rate ~= nil and { rate = tonumber(row.rate), burst = tonumber(row.burst) } or nil
    return { is_paused = row.is_paused, rate = rate }
end

local function current(tube, scope, lane)
    local row = box.space[const.FLOW_SPACE]:get({ tube.id, scope, lane })
    return row ~= nil and of_row(row) or default(tube, scope)
end

local function apply(tube, scope, lane, setting)
    local to = tube.flow
    if scope == TUBE then
        to:set_tube(setting.is_paused, limit_of(setting.rate))
    elseif scope == EACH then
        to:set_each(limit_of(setting.rate))
    else
        to:set_lane(lane, setting.is_paused, limit_of(setting.rate))
    end
end

local function open(tube)
    if tube.flow == nil then
        tube.flow = flow.new(tube)
        tube.flow:bind(tube.sched)
    end
end

local function close_unneeded(tube)
    if tube.flow ~= nil and not tube.flow:is_needed() then
        tube.flow:unbind()
        tube.flow = nil
    end
end

-- Sets all that the options and the rows say.
local function read(tube)
    open(tube)
    for name in pairs(table.copy(tube.flow.lanes)) do
        apply(tube, LANE, name, { is_paused = false })
    end
    apply(tube, TUBE, '', default(tube, TUBE))
    apply(tube, EACH, '', default(tube, EACH))
    for _, row in box.space[const.FLOW_SPACE]:pairs(tube.id) do
        apply(tube, row.scope, row.lane, of_row(row))
    end
    close_unneeded(tube)
end

local function attach(tube)
    if tube.opts.rate ~= nil or tube.opts.lane_rate ~= nil
        or box.space[const.FLOW_SPACE]:pairs(tube.id):nth(1) ~= nil then
        read(tube)
    end
    return nil
end

local function write(tube, scope, lane, setting)
    local space = box.space[const.FLOW_SPACE]
    local key = { tube.id, scope, lane }
    local before = default(tube, scope)
    local rate = setting.rate
    if not setting.is_paused and before.rate == nil and rate == nil then
        space:delete(key)
        return
    end
    if scope == LANE and space:get(key) == nil and tube.flow ~= nil
        and tube.flow.lane_count >= const.MAX_LANE_SETTINGS then
        errors.raise('QUEUE_FULL', ('%d lanes of the tube have settings already'):format(tube.flow.lane_count))
    end
    space:replace({ tube.id, scope, lane, setting.is_paused, rate and rate.rate, rate and rate.burst })
end

local function set(tube, scope, lane, setting)
    if box.is_in_txn() then
        write(tube, scope, lane, setting)
        -- Read again then: the rows may have been rolled back to a savepoint.
        box.on_commit(function()
            stale[tube.id] = true
            timer.kick()
        end)
        return
    end
    write(tube, scope, lane, setting)
    if not tube.is_dropped then
        open(tube)
        apply(tube, scope, lane, setting)
        close_unneeded(tube)
    end
end

local function switch(is_paused, what)
    ---@return boolean whether that changed anything
    return function(tube, _, _, opts)
        local o = args.options('opts', opts) or {}
        args.known_only(o, PAUSE_OPTIONS, what)
        local lane = args.lane_of(tube, o.utube)
        local scope = lane ~= nil and LANE or TUBE
        local setting = current(tube, scope, lane or '')
        if setting.is_paused == is_paused then
            return false
        end
        setting.is_paused = is_paused
        set(tube, scope, lane or '', setting)
        return true
    end
end

---@param opts table {rate = takes a second, null for no limit, burst = 0, utube = lane | each = true}
---@return boolean true
local function set_rate(tube, _, _, opts)
    local o = args.options('opts', opts)
    if o == nil then
        errors.invalid('opts', 'a map {rate, burst}', o)
    end
    args.known_only(o, SET_OPTIONS, 'set_rate')
    local lane, each = args.lane_of(tube, o.utube), o.each
    if each ~= nil and type(each) ~= 'boolean' then
        errors.invalid('each', 'a boolean', each)
    elseif each and lane ~= nil then
        errors.raise('INVALID_ARGUMENT', 'Expected one of `utube` and `each`, got both')
    elseif each and not tube.preset.lanes then
        errors.raise('INVALID_ARGUMENT', ('A %s tube has no lanes'):format(tube.type))
    end
    local scope = lane ~= nil and LANE or each and EACH or TUBE
    local rate = checked_rate(o)
    local setting = current(tube, scope, lane or '')
    setting.rate = rate
    set(tube, scope, lane or '', setting)
    return true
end

local function run()
    local nearest
    for _, tube in pairs(registry.all()) do
        if stale[tube.id] and tube.is_loaded then
            stale[tube.id] = nil
            read(tube)
        end
        local seconds = tube.flow ~= nil and tube.is_loaded and tube.flow:run() or nil
        nearest = seconds ~= nil and math.min(seconds, nearest or seconds) or nearest
    end
    return nearest
end

local function paused_lanes(of)
    local names = setmetatable({}, { __serialize = 'seq' })
    for name, own in pairs(of.lanes) do
        if own.is_paused and #names < MAX_NAMES then
            table.insert(names, name)
        end
    end
    table.sort(names)
    return names
end

local function as_given(limit)
    return limit ~= nil and { rate = limit.rate / 1000, burst = limit.burst / 1000 } or nil
end

local function statistics(tube, to)
    local of = tube.flow
    if of ~= nil then
        to.flow = {
            paused = of.is_paused, paused_lanes = paused_lanes(of),
            rate = as_given(of.rate), lane_rate = as_given(of.each),
            lanes_set = of.lane_count, lanes_limited = of.shut,
        }
    end
end

local function health(warnings)
    for name, tube in pairs(registry.all()) do
        if tube.flow ~= nil then
            local lanes = #paused_lanes(tube.flow)
            if tube.flow.is_paused then
                table.insert(warnings, ('tube %s is paused'):format(name))
            elseif lanes > 0 then
                table.insert(warnings, ('tube %s has %d%s paused lanes'):format(
                    name, lanes, lanes == MAX_NAMES and ' or more' or ''))
            end
        end
    end
end

local function dropped(id)
    local space = box.space[const.FLOW_SPACE]
    for _, row in space:pairs(id) do
        space:delete({ row.tube_id, row.scope, row.lane })
    end
end

return {
    name = 'flow',
    tube_options = { rate = rate_option('rate'), lane_rate = rate_option('lane_rate') },
    attach = attach,
    dropped = dropped,
    run = run,
    methods = { pause = switch(true, 'pause'), resume = switch(false, 'resume'), set_rate = set_rate },
    rights = { admin = { 'pause', 'resume', 'set_rate' } },
    statistics = statistics,
    health = health,
}
