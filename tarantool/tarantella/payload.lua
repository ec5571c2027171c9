-- A payload that is moved from row to row without being decoded: its MessagePack as it is.

local ffi = require('ffi')
local row = require('tarantella.row')

local payload = {}

local Payload = {}
Payload.__index = Payload

---@param tuple cdata|box.tuple a task's row
---@return table to be put; `bytes` is the MessagePack
function payload.of(tuple)
    local p, size = row.data(tuple)
    return setmetatable({ bytes = size > 0 and ffi.string(p, size) or '\xc0' }, Payload)
end

---@param bytes string MessagePack of one value
---@return table to be put
function payload.raw(bytes)
    return setmetatable({ bytes = bytes }, Payload)
end

---@return boolean
function payload.is(value)
    return getmetatable(value) == Payload
end

return payload
