-- Reads a task's row where it lies, without turning it into Lua values.
--
-- A row is `void *` from a FFI call or a box.tuple. A pointer is good until the
-- next call into box: read what is needed at once, and never over a yield. Only
-- public functions of Tarantool's C API are called, none of which yields on memtx.

local ffi = require('ffi')
local msgpack = require('msgpack')
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
local bswap, rshift = bit.bswap, bit.rshift
local bytes_t = ffi.typeof('const uint8_t *')
local u32_t = ffi.typeof('const uint32_t *')
local double_bytes = ffi.new('union { uint8_t b[8]; double d; }')
local int_bytes = ffi.new('union { uint8_t b[8]; int64_t i64; }')

local row = {}

local function u16_at(p, at)
    return p[at] * 256 + p[at + 1]
end

local function u32_at(p, at)
    return u16_at(p, at) * 65536 + u16_at(p, at + 2)
end

-- The rare forms: negative numbers and fractions, which only a priority can have.
local function signed_at(p)
    local lead = p[0]
    if lead >= 0xe0 then
        return lead - 256
    elseif lead == 0xd0 then
        return p[1] - (p[1] >= 128 and 256 or 0)
    elseif lead == 0xd1 then
        return u16_at(p, 1) - (p[1] >= 128 and 65536 or 0)
    elseif lead == 0xd2 then
        return u32_at(p, 1) - (p[1] >= 128 and 4294967296 or 0)
    end
    local to = lead == 0xcb and double_bytes or int_bytes
    for i = 1, 8 do
        to.b[8 - i] = p[i]
    end
    return lead == 0xcb and double_bytes.d or tonumber(int_bytes.i64)
end

-- By the lead of an unsigned integer of up to 32 bits: where the 32 bits begin that have it
-- on top, and how far down it is. Looked up for the JIT's sake, see mp.lua. Whatever the
-- number, four bytes can be read: three fields or more follow each of them.
local START, SHIFT = ffi.new('uint8_t[256]', 1), ffi.new('uint8_t[256]')
for lead = 0, 127 do
    START[lead], SHIFT[lead] = 0, 24
end
SHIFT[0xcc], SHIFT[0xcd] = 24, 16

-- A MessagePack number or nil, as the rows hold them. Without a loop, which would
-- keep the JIT from compiling what calls it.
local function number_at(p)
    local lead = p[0]
    if lead <= 0x7f or lead >= 0xcc and lead <= 0xce then
        local value = rshift(bswap(cast(u32_t, p + START[lead])[0]), SHIFT[lead])
        return value >= 0 and value or value + 4294967296
    elseif lead == 0xc0 then
        return nil
    elseif lead == 0xcf then
        return u32_at(p, 1) * 4294967296 + u32_at(p, 5)
    end
    return signed_at(p)
end

-- A built-in function called in a `return` keeps LuaJIT 2.1 beta from compiling the
-- function that does it: hence the locals, here and in the schedule.
local function field(tuple, number)
    local p = cast(bytes_t, C.box_tuple_field(tuple, number - 1))
    return p
end

function row.id(tuple)
    return number_at(field(tuple, fields.id))
end

---@return string READY, DELAYED or BURIED
function row.state(tuple)
    -- A string of one byte: fixstr header, letter.
    local letter = string.char(field(tuple, fields.state)[1])
    return letter
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
    return ffi.string(p + 3, u16_at(p, 1))
end

---How often the task has failed.
---@return integer
function row.attempts(tuple)
    local p = field(tuple, fields.meta)
    if p[0] == 0xc0 then
        return 0
    end
    local size = tonumber(field(tuple, 1) - 1 + C.box_tuple_bsize(tuple) - p)
    local meta = msgpack.decode(cast('const char *', p), size)
    return meta.attempts or 0
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
