-- Puts that have to wait for the commit of another change before they can decide what to
-- do, as the abilities of a tube ask for (hook `busy`). A commit takes as long as the WAL.

local fiber = require('fiber')

-- After that the put goes on, and is refused where it cannot.
local MAX_WAIT_S = 1
local POLL_S = 0.001

local turn = {}

local function is_busy(tube, options)
    for _, ask in ipairs(tube.hooks.busy) do
        if ask(tube, options) then
            return true
        end
    end
    return false
end

---Waits until none of the puts has to; not to be called in a transaction. When it returns
---nothing has yielded since the last look.
---@param options table index → options of a put or nil
---@param count integer
function turn.await(tube, options, count)
    local deadline = nil
    local i = 1
    while i <= count do
        if options[i] ~= nil and is_busy(tube, options[i]) then
            deadline = deadline or fiber.clock() + MAX_WAIT_S
            if fiber.clock() > deadline then
                return
            end
            fiber.sleep(POLL_S)
            i = 0
        end
        i = i + 1
    end
end

return turn
