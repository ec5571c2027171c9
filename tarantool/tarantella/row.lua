-- Reads a task's row where it lies, without turning it into Lua values.
--
-- A row is `void *` from a FFI call or a box.tuple. A pointer is good until the
-- next call into box: read what is needed at once, and never over a yield. Only
-- public functions of Tarantool's C API are called, none of which yields on memtx.

local ffi = require('ffi')
local const = require('tarantella.const')
local fields = require('tarantella.fields')

-- Tarantool's own Lua code declares these too; a second declaration is harmless,
-- and a missing one is what this is for.
for _, declaration in ipairs({
    'typedef struct tuple box_tuple_t;',
    'const char *box_tuple_field(box_tuple_t *tuple, uint32_t i);',
    'ssize_t box_tuple_bsize(box_tuple_t *tuple);',
}) do
    pcall(ffi.cdef, declaration)
end

local C = ffi.C
local cast = ffi.cast
local bytes_t = ffi.typeof('const uint8_t *')
local double_bytes = ffi.new('union { uint8_t b[8]; double d; }')
local float_bytes = ffi.new('union { uint8_t b[4]; float f; }')
local int_bytes = ffi.new('union { uint8_t b[8]; int8_t i8; int16_t i16; int32_t i32; int64_t i64; }')

local row = {}

local function uint_at(p, size)
    local value = 0
    for i = 1, size do
        value = value * 256 + p[i]
    end
    return value
end

local function swapped(to, p, size)
    for i = 1, size do
        to[size - i] = p[i]
    end
end

-- A MessagePack number or nil, as the rows hold them.
local function number_at(p)
    local lead = p[0]
    if lead <= 0x7f then
        return lead
    elseif lead == 0xc0 then
        return nil
    elseif lead >= 0xcc and lead <= 0xcf then
        return uint_at(p, bit.lshift(1, lead - 0xcc))
    elseif lead >= 0xe0 then
        return lead - 256
    elseif lead == 0xcb then
        swapped(double_bytes.b, p, 8)
        return double_bytes.d
    elseif lead == 0xca then
        swapped(float_bytes.b, p, 4)
        return tonumber(float_bytes.f)
    end
    local size = bit.lshift(1, lead - 0xd0)
    swapped(int_bytes.b, p, size)
    return tonumber(size == 1 and int_bytes.i8 or size == 2 and int_bytes.i16
        or size == 4 and int_bytes.i32 or int_bytes.i64)
end

local function field(tuple, number)
    return cast(bytes_t, C.box_tuple_field(tuple, number - 1))
end

function row.id(tuple)
    return number_at(field(tuple, fields.id))
end

---@return string READY, DELAYED or BURIED
function row.state(tuple)
    -- A string of one byte: fixstr header, letter.
    return string.char(field(tuple, fields.state)[1])
end

function row.pri(tuple)
    return number_at(field(tuple, fields.pri))
end

---@return number|nil microseconds since 1970
function row.due(tuple)
    return number_at(field(tuple, fields.due))
end

---@return number|nil microseconds since 1970
function row.dead(tuple)
    return number_at(field(tuple, fields.dead))
end

---@return number|nil microseconds
function row.ttr(tuple)
    return number_at(field(tuple, fields.ttr))
end

---@return string|nil
function row.lane(tuple)
    local p = field(tuple, fields.lane)
    local lead = p[0]
    if lead == 0xc0 then
        return nil
    elseif lead >= 0xa0 and lead <= 0xbf then
        return ffi.string(p + 1, lead - 0xa0)
    elseif lead == 0xd9 then
        return ffi.string(p + 2, p[1])
    end
    return ffi.string(p + 3, uint_at(p, 2))
end

---@return cdata pointer, number bytes of the payload's MessagePack; 0 bytes if the row has none
function row.data(tuple)
    -- The header of an array of up to 15 is one byte, and stands before the first field.
    local start = field(tuple, 1) - 1
    local p = C.box_tuple_field(tuple, fields.data - 1)
    if p == nil then
        return start, 0
    end
    p = cast(bytes_t, p)
    return p, tonumber(start + C.box_tuple_bsize(tuple) - p)
end

assert(#fields.format <= 15 and fields.data == #fields.format)
assert(#const.READY == 1)

return row
