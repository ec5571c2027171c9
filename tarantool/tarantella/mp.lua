-- MessagePack by hand, for bytes that never become Lua values.

local ffi = require('ffi')

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

-- -1 to -2^53, in two's complement.
local function put_negative(b, at, value)
    if value >= -32 then
        b[at] = 256 + value
        return at + 1
    elseif value >= -128 then
        b[at], b[at + 1] = 0xd0, 256 + value
        return at + 2
    elseif value >= -32768 then
        value = value + 65536
        b[at], b[at + 1], b[at + 2] = 0xd1, rshift(value, 8), band(value, 255)
        return at + 3
    elseif value >= -2147483648 then
        b[at] = 0xd2
        put_u32(b, at + 1, value + 4294967296)
        return at + 5
    end
    local high = floor(value / 4294967296)
    b[at] = 0xd3
    put_u32(b, at + 1, high + 4294967296)
    put_u32(b, at + 5, value - high * 4294967296)
    return at + 9
end

---Writes an integer in its shortest form.
---@param value integer from -(2^53 - 1) to 2^53 - 1
---@return integer offset behind it
function mp.put_int(b, at, value)
    if value >= 0 then
        at = mp.put_uint(b, at, value)
    else
        at = put_negative(b, at, value)
    end
    return at
end

---Writes a string of up to 65535 bytes.
---@return integer offset behind it
function mp.put_text(b, at, text)
    local size = #text
    if size < 32 then
        b[at] = 0xa0 + size
        at = at + 1
    elseif size < 256 then
        b[at], b[at + 1] = 0xd9, size
        at = at + 2
    else
        b[at], b[at + 1], b[at + 2] = 0xda, rshift(size, 8), band(size, 255)
        at = at + 3
    end
    ffi.copy(b + at, text, size)
    return at + size
end

return mp
