-- The functions of the queue for a text console, which has no arguments but text: they come
-- and go as base64 of MessagePack, so nothing of a user's becomes code or needs quoting.

local digest = require('digest')
local msgpack = require('msgpack')
local errors = require('tarantella.errors')

local console = {}

local function run(name, encoded)
    local fn = require('tarantella')[name]
    if type(fn) ~= 'function' then
        errors.raise('ER_NO_SUCH_PROC', ("Procedure 'queue.%s' is not defined"):format(tostring(name)))
    end
    local args = msgpack.decode(digest.base64_decode(encoded))
    return (fn(unpack(args, 1, #args)))
end

---@param name string of a function of the queue
---@param encoded string arguments
---@return string [true, result] or [false, code, message]
function console.call(name, encoded)
    local ok, result = pcall(run, name, encoded)
    local answer = ok and { true, result } or { false, errors.describe(result) }
    return digest.base64_encode(msgpack.encode(answer), { nowrap = true })
end

return console
