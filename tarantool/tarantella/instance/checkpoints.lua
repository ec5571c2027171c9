-- Checkpoints at moments when nobody writes, for versions of Tarantool that lose rows when
-- they crash after one that was taken under load (tarantool#11028, see compat.lua).

local fiber = require('fiber')
local log = require('log')

-- No write for so long is a pause.
local PAUSE_S = 1
-- Where writes never pause: after this many intervals it is taken all the same, for the
-- logs would fill the disk.
local PATIENCE = 6

local checkpoints = {}

local function lsn()
    return box.info.signature
end

---Whether it is time for a checkpoint.
---@param waited number seconds since the last one
---@param is_quiet boolean whether nobody has written since the last look
function checkpoints.is_due(waited, interval_s, is_quiet)
    return waited >= interval_s and is_quiet or waited >= interval_s * PATIENCE
end

local function run(interval_s)
    fiber.name('tarantella_checkpoints', { truncate = true })
    local taken, taken_lsn, seen = fiber.clock(), lsn(), lsn()
    while true do
        fiber.sleep(PAUSE_S)
        local current = lsn()
        if current ~= taken_lsn and checkpoints.is_due(fiber.clock() - taken, interval_s, current == seen) then
            local ok, cause = pcall(box.snapshot)
            fiber.testcancel()
            if not ok then
                log.error('tarantella: checkpoint failed, next try after a second: %s', tostring(cause))
            else
                taken, taken_lsn = fiber.clock(), current
            end
        end
        seen = current
    end
end

---Takes over Tarantool's own checkpoints by time. Those by the size of the logs stay.
---@param interval_s number seconds between two checkpoints at least
function checkpoints.start(interval_s)
    box.cfg({ checkpoint_interval = 0 })
    fiber.create(run, interval_s)
end

return checkpoints
