-- Long work for operators, cut so that other fibers run.

local fiber = require('fiber')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local timer = require('tarantella.timer')

local slices = {}
local Slices = {}
Slices.__index = Slices

-- Half of what a loop may take: what lies between two looks at the clock comes on top.
local SLICE_US = const.SLICE_S * const.MICRO / 2

function slices.new()
    return setmetatable({ ends = timer.monotonic_us() + SLICE_US }, Slices)
end

---Lets others run when the slice is over. A caller's transaction is never left: then the
---work has to end.
---@param tube table|nil that must still be there afterwards
---@return boolean whether the work may go on
function Slices:go_on(tube)
    -- Not fiber.clock(), which stands still until the fiber yields.
    if timer.monotonic_us() < self.ends then
        return true
    elseif box.is_in_txn() then
        return false
    end
    fiber.sleep(0)
    self.ends = timer.monotonic_us() + SLICE_US
    if tube ~= nil and tube.is_dropped then
        errors.tube_not_found()
    end
    return true
end

return slices
