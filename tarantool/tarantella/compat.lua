-- The only questions about the server's version.

local compat = {}

---@return integer major, integer minor, integer patch
local function parse(text)
    local major, minor, patch = text:match('^(%d+)%.(%d+)%.(%d+)')
    return tonumber(major), tonumber(minor), tonumber(patch)
end

-- First release of each series with the fix of tarantool#11028.
local FIXED_PATCH = { ['2.11'] = 10, ['3.7'] = 2, ['3.8'] = 1 }

---@param text string|nil version, by default the server's own
function compat.loses_rows_after_checkpoint(text)
    local major, minor, patch = parse(text or box.info.version)
    local fixed = FIXED_PATCH[('%d.%d'):format(major, minor)]
    if fixed ~= nil then
        return patch < fixed
    end
    -- Series without a fixed release, and those after the fix.
    return major < 3 or major == 3 and minor < 9
end

return compat
