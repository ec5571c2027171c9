-- MessagePack by hand, for bytes that never become Lua values.

local band, rshift = bit.band, bit.rshift
local floor = math.floor

local mp = {}

local function put_u32(b, at, value)
    b[at], b[at + 1] = rshift(value, 24), band(rshift(value, 16), 255)
    b[at + 2], b[at + 3] = band(rshift(value, 8), 255), band(value, 255)
end

---Writes an unsigned integer in its shortest form: indexes compare the bytes of keys
---and take the shortest form for granted.
---@param b cdata uint8_t *, with room for 9 bytes
---@param at integer offset
---@param value integer from 0 to 2^53 - 1
---@return integer offset behind it
function mp.put_uint(b, at, value)
    -- Spelled out: a loop in here would keep the JIT from compiling what calls it.
    if value < 128 then
        b[at] = value
        return at + 1
    elseif value < 256 then
        b[at], b[at + 1] = 0xcc, value
        return at + 2
    elseif value < 65536 then
        b[at], b[at + 1], b[at + 2] = 0xcd, rshift(value, 8), band(value, 255)
        return at + 3
    elseif value < 4294967296 then
        b[at] = 0xce
        put_u32(b, at + 1, value)
        return at + 5
    end
    local high = floor(value / 4294967296)
    b[at] = 0xcf
    put_u32(b, at + 1, high)
    put_u32(b, at + 5, value - high * 4294967296)
    return at + 9
end

return mp
