-- Puts whose arguments come as they were sent, from functions that are registered with
-- `takes_raw_args` (Tarantool 2.10 and newer): a payload is moved from the request to
-- its row and never becomes Lua tables, which cost more than everything else in a put.
--
-- The bytes of a payload are a string on their way. As the objects that an iterator of the
-- msgpack module takes they were userdata that Lua's collector must finalize, a fifth of
-- all that the server did for puts, takes and acks of 256 tasks at a time (3.8.0).

local buffer = require('buffer')
local ffi = require('ffi')
local msgpack = require('msgpack')
local mp = require('tarantella.mp')
local payload = require('tarantella.payload')

local raw_args = {}

local bytes_t, text_t = ffi.typeof('const uint8_t *'), ffi.typeof('const char *')
-- A buffer that one big request blew up is given back.
local KEEP_BYTES = 1024 * 1024
-- Of the request that is being read: nothing yields meanwhile.
local request = buffer.ibuf()

---Whether this server knows such functions.
raw_args.are_known = msgpack.object ~= nil and msgpack.is_object ~= nil

---@return boolean whether a function's only argument stands for all of them
function raw_args.is_raw(value)
    return raw_args.are_known and type(value) ~= 'string' and msgpack.is_object(value)
end

local function array_at(b, at)
    local count, first = mp.array(b, at)
    if count == nil then
        error('no array', 0)
    end
    return count, first
end

local function value_at(b, at)
    local behind = mp.skip(b, at)
    return msgpack.decode(ffi.cast(text_t, b + at), behind - at), behind
end

local function payload_at(b, at)
    local behind = mp.skip(b, at)
    return payload.raw(ffi.string(b + at, behind - at)), behind
end

-- Each reads (tube, …), `count` arguments, and gives the same values, with payloads as payload.lua has them.
local readers = {}

function readers.put(b, at, count)
    local name, second = value_at(b, at)
    if count == 1 then
        return name
    end
    local data, third = payload_at(b, second)
    if count == 2 then
        return name, data
    end
    return name, data, (value_at(b, third))
end

local function item_at(b, start)
    local size, at = array_at(b, start)
    local item = {}
    if size > 0 then
        item[1], at = payload_at(b, at)
    end
    for k = 2, size do
        item[k], at = value_at(b, at)
    end
    return item, at
end

function readers.put_many(b, start)
    local name, second = value_at(b, start)
    local count, at = array_at(b, second)
    local items = {}
    for i = 1, count do
        items[i], at = item_at(b, at)
    end
    return name, items
end

-- A topic stands where a tube does.
readers.publish, readers.publish_many = readers.put, readers.put_many

local LEAST = { put = 1, put_many = 2, publish = 1, publish_many = 2 }

local function read(name, object)
    request:reset()
    msgpack.encode(object, request)
    local b = ffi.cast(bytes_t, request.rpos)
    local count, at = array_at(b, 0)
    if count < LEAST[name] then
        error('too few arguments', 0)
    end
    return readers[name](b, at, count)
end

-- Whatever is not of the expected form is decoded, for the ordinary checks to refuse.
local function settle(object, ok, ...)
    if request:capacity() > KEEP_BYTES then
        request:recycle()
    end
    if ok then
        return ...
    end
    return unpack(object:decode(), 1, object:iterator():decode_array_header())
end

---@param name string of a function in `readers`
---@param object any msgpack.object of the array of arguments
function raw_args.unpack(name, object)
    return settle(object, pcall(read, name, object))
end

---@return boolean whether the function of that name reads raw arguments
function raw_args.reads(name)
    return raw_args.are_known and readers[name] ~= nil
end

return raw_args
