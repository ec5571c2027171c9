-- MessagePack by hand, for bytes that never become Lua values.

local ffi = require('ffi')

local band, bswap, lshift, rshift = bit.band, bit.bswap, bit.lshift, bit.rshift
local floor = math.floor
local cast = ffi.cast
local u32_t = ffi.typeof('uint32_t *')

local mp = {}

local function put_u32(b, at, value)
    b[at], b[at + 1] = rshift(value, 24), band(rshift(value, 16), 255)
    b[at + 2], b[at + 3] = band(rshift(value, 8), 255), band(value, 255)
end

-- How an integer below 2^32 is written, by its exponent as a double: the lead, which is the
-- integer itself where `IS_LEAD`, then the upper bytes of 32 bits shifted by `SHIFT`.
-- Looked up, and not asked for by size: the JIT compiles one way through a function that a
-- function it cannot compile calls, and every other way is interpreted. With a way for each
-- size a whole cycle of put, take and ack cost 6.0 us instead of 5.0 (2.6.0, no WAL).
local EXPONENTS, BIAS = 2048, 1023
local LEAD, IS_LEAD = ffi.new('uint8_t[?]', EXPONENTS), ffi.new('uint8_t[?]', EXPONENTS)
local SHIFT, SIZE = ffi.new('uint8_t[?]', EXPONENTS), ffi.new('uint8_t[?]', EXPONENTS)
for bits = 0, 32 do
    -- 0 has the exponent 0.
    local e = bits == 0 and 0 or BIAS + bits - 1
    if bits <= 7 then
        IS_LEAD[e], SIZE[e] = 1, 1
    elseif bits == 8 then
        LEAD[e], SHIFT[e], SIZE[e] = 0xcc, 24, 2
    elseif bits <= 16 then
        LEAD[e], SHIFT[e], SIZE[e] = 0xcd, 16, 3
    else
        LEAD[e], SIZE[e] = 0xce, 5
    end
end
local split = ffi.new('union { double d; uint32_t u[2]; }')

---Writes an unsigned integer in its shortest form: indexes compare the bytes of keys
---and take the shortest form for granted.
---@param b cdata uint8_t *, with room for 9 bytes
---@param at integer offset
---@param value integer from 0 to 2^53 - 1
---@return integer offset behind it
function mp.put_uint(b, at, value)
    if value < 4294967296 then
        split.d = value
        -- Without the sign, which 0 can have.
        local e = band(rshift(split.u[1], 20), 2047)
        b[at] = LEAD[e] + IS_LEAD[e] * value
        cast(u32_t, b + at + 1)[0] = bswap(lshift(value, SHIFT[e]))
        at = at + SIZE[e]
        return at
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

-- By the lead of a value: how many bytes it has without the values it holds, 0 where bytes
-- behind the lead say that; and how many values it holds.
local BYTES, VALUES = ffi.new('uint8_t[256]', 1), ffi.new('uint8_t[256]')
for n = 0, 15 do
    VALUES[0x80 + n], VALUES[0x90 + n] = 2 * n, n
end
for n = 0, 31 do
    BYTES[0xa0 + n] = 1 + n
end
for lead, bytes in pairs({
    [0xca] = 5, [0xcb] = 9, [0xcc] = 2, [0xcd] = 3, [0xce] = 5, [0xcf] = 9,
    [0xd0] = 2, [0xd1] = 3, [0xd2] = 5, [0xd3] = 9,
    [0xd4] = 3, [0xd5] = 4, [0xd6] = 6, [0xd7] = 10, [0xd8] = 18,
}) do
    BYTES[lead] = bytes
end
-- Binary, extensions, text; then arrays and maps, which are `LISTS`.
local LENGTH_BYTES = {
    [0xc4] = 1, [0xc5] = 2, [0xc6] = 4, [0xc7] = 1, [0xc8] = 2, [0xc9] = 4, [0xd9] = 1, [0xda] = 2, [0xdb] = 4,
    [0xdc] = 2, [0xdd] = 4, [0xde] = 2, [0xdf] = 4,
}
local LISTS = { [0xdc] = 1, [0xdd] = 1, [0xde] = 2, [0xdf] = 2 }
for lead in pairs(LENGTH_BYTES) do
    BYTES[lead] = 0
end

local function length_at(b, at, bytes)
    local length = 0
    for i = at, at + bytes - 1 do
        length = length * 256 + b[i]
    end
    return length
end

-- Of a value whose length stands behind its lead: offset behind it, and the values it holds.
local function skip_long(b, at, lead)
    local bytes = LENGTH_BYTES[lead]
    local length = length_at(b, at + 1, bytes)
    at = at + 1 + bytes
    if LISTS[lead] ~= nil then
        return at, length * LISTS[lead]
    end
    -- An extension has its type as well.
    return at + length + (lead >= 0xc7 and lead <= 0xc9 and 1 or 0), 0
end

---Passes a value; one that is whole, as all of a request is that Tarantool has let in.
---@param b cdata const uint8_t *
---@param at integer offset
---@return integer offset behind the value and all that it holds
function mp.skip(b, at)
    local left = 1
    repeat
        local lead = b[at]
        local bytes = BYTES[lead]
        if bytes ~= 0 then
            at, left = at + bytes, left - 1 + VALUES[lead]
        else
            local held
            at, held = skip_long(b, at, lead)
            left = left - 1 + held
        end
    until left == 0
    return at
end

---@return integer|nil how many values the array there holds, nil if it is none
---@return integer|nil offset of the first
function mp.array(b, at)
    local lead = b[at]
    if lead >= 0x90 and lead <= 0x9f then
        return lead - 0x90, at + 1
    elseif lead == 0xdc or lead == 0xdd then
        local bytes = LENGTH_BYTES[lead]
        return length_at(b, at + 1, bytes), at + 1 + bytes
    end
    return nil
end

return mp
