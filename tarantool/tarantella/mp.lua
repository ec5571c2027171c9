-- MessagePack by hand, for bytes that never become Lua values.

local mp = {}

---Writes an unsigned integer in its shortest form: indexes compare the bytes of keys
---and take the shortest form for granted.
---@param b cdata uint8_t *, with room for 9 bytes
---@param at integer offset
---@param value integer from 0 to 2^53 - 1
---@return integer offset behind it
function mp.put_uint(b, at, value)
    if value < 128 then
        b[at] = value
        return at + 1
    end
    local size, lead = 8, 0xcf
    if value < 256 then
        size, lead = 1, 0xcc
    elseif value < 65536 then
        size, lead = 2, 0xcd
    elseif value < 4294967296 then
        size, lead = 4, 0xce
    end
    b[at] = lead
    for i = size, 1, -1 do
        local rest = math.floor(value / 256)
        b[at + i] = value - rest * 256
        value = rest
    end
    return at + size + 1
end

return mp
