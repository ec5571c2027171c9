-- A directory that answers slowly, as one does that asks somebody else in turn.

local fiber = require('fiber')
local fio = require('fio')
local instance = dofile(fio.pathjoin(fio.dirname(fio.abspath(arg[0])), '..', 'server', 'instance.lua'))

local LATENCY = 0.005

-- When lookups began, in seconds of the monotonic clock; only while they are recorded.
local moments = nil

---@return string|nil the address of a name
function _G.lookup(name)
    if moments ~= nil then
        table.insert(moments, fiber.clock())
    end
    fiber.sleep(LATENCY)
    local row = box.space.addresses:get(name)
    return row and row.address
end

function _G.record_lookups()
    moments = {}
end

---@return number how many of the recorded lookups there were, and how many began within one second at most
function _G.recorded_lookups()
    local most, from = 0, 1
    for to, moment in ipairs(moments) do
        while moments[from] <= moment - 1 do
            from = from + 1
        end
        most = math.max(most, to - from + 1)
    end
    return #moments, most
end

instance.start(function()
    local addresses = box.schema.space.create('addresses', { if_not_exists = true, temporary = true })
    addresses:format({ { 'name', 'string' }, { 'address', 'string' } })
    addresses:create_index('pk', { parts = { 'name' }, if_not_exists = true })
    for i = 1, 1000 do
        addresses:replace({ ('host%d'):format(i), ('10.0.%d.%d'):format(i / 256, i % 256) })
    end
    for _, name in ipairs({ 'lookup', 'record_lookups', 'recorded_lookups' }) do
        box.schema.func.create(name, { setuid = true, if_not_exists = true })
        box.schema.user.grant('app', 'execute', 'function', name, { if_not_exists = true })
    end
end)
