-- Puts whose arguments come as they were sent, from functions that are registered with
-- `takes_raw_args` (Tarantool 2.10 and newer): a payload is moved from the request to
-- its row and never becomes Lua tables, which cost more than everything else in a put.

local msgpack = require('msgpack')

local raw_args = {}

---Whether this server knows such functions.
raw_args.are_known = msgpack.object ~= nil and msgpack.is_object ~= nil

---@return boolean whether a function's only argument stands for all of them
function raw_args.is_raw(value)
    return raw_args.are_known and type(value) ~= 'string' and msgpack.is_object(value)
end

-- Each reads (tube, …) and gives the same values, with payloads as objects.
local readers = {}

function readers.put(it, count)
    local name = it:decode()
    if count == 1 then
        return name
    end
    local data = it:take()
    return name, data, unpack(count > 2 and { it:decode() } or {})
end

function readers.put_many(it)
    local name = it:decode()
    local items = {}
    for i = 1, it:decode_array_header() do
        local size = it:decode_array_header()
        local item = {}
        if size > 0 then
            item[1] = it:take()
        end
        for k = 2, size do
            item[k] = it:decode()
        end
        items[i] = item
    end
    return name, items
end

-- A topic stands where a tube does.
readers.publish, readers.publish_many = readers.put, readers.put_many

local function read(name, object)
    local it = object:iterator()
    return readers[name](it, it:decode_array_header())
end

-- Whatever is not of the expected form is decoded, for the ordinary checks to refuse.
local function settle(object, ok, ...)
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
