-- A new row as bytes, ready to be inserted: fields.lua's layout, with the id left to
-- the sequence. Made by hand because a Lua table of nine fields costs more to build
-- and to encode than all the rest of a put.

local buffer = require('buffer')
local ffi = require('ffi')
local msgpack = require('msgpack')
local const = require('tarantella.const')
local fields = require('tarantella.fields')
local mp = require('tarantella.mp')
local payload = require('tarantella.payload')

-- A buffer that one big payload blew up is not kept.
local KEEP_BYTES = 1024 * 1024

local NIL = 0xc0
-- Everything but the payload: five numbers and a lane at their longest.
local head = ffi.new('uint8_t[?]', 64 + const.MAX_LANE_BYTES)
local spare = buffer.ibuf()

local encode = {}

local function put_optional(at, value)
    if value == nil then
        head[at] = NIL
        return at + 1
    end
    at = mp.put_uint(head, at, value)
    return at
end

local function put_lane(at, lane)
    if lane == nil then
        head[at] = NIL
        return at + 1
    end
    at = mp.put_text(head, at, lane)
    return at
end

local function put_data(into, data)
    if payload.is(data) then
        ffi.copy(into:alloc(#data.bytes), data.bytes, #data.bytes)
    else
        msgpack.encode(data, into)
    end
end

local function put_with_meta(into, at, meta, data)
    ffi.copy(into:alloc(at), head, at)
    msgpack.encode(meta, into)
    put_data(into, data)
end

---@param letter string state
---@param pri integer
---@param due number|nil microseconds, as `dead` and `ttr`
---@param lane string|nil up to MAX_LANE_BYTES
---@param data any payload
---@param meta table|nil map
---@return table ibuf that holds the row and nothing else; to be given back by `done`
function encode.row(letter, pri, due, dead, ttr, lane, data, meta)
    head[0], head[1] = 0x90 + #fields.format, NIL
    head[2], head[3] = 0xa1, letter:byte()
    local at = mp.put_int(head, 4, pri)
    at = put_optional(at, due)
    at = put_optional(at, dead)
    at = put_optional(at, ttr)
    at = put_lane(at, lane)
    -- Nobody else may use it meanwhile: a payload's __serialize can call the queue.
    local into = spare or buffer.ibuf()
    spare = nil
    into:reset()
    if meta ~= nil then
        put_with_meta(into, at, meta, data)
        return into
    end
    -- No meta, and what stands for a payload of null.
    head[at], head[at + 1] = NIL, NIL
    at = at + (data == nil and 2 or 1)
    ffi.copy(into:alloc(at), head, at)
    if data ~= nil then
        put_data(into, data)
    end
    return into
end

---@param used table what `row` gave
function encode.done(used)
    if used:capacity() <= KEEP_BYTES then
        spare = used
    end
end

return encode
