-- The queue through Tarantool's binary protocol, by the functions that the user may call.

local net_box = require('net.box')

local BinaryPort = {}
BinaryPort.__index = BinaryPort

local binary_port = {}

---@param to table see address.lua
---@return table|nil port, string|nil why not
function binary_port.new(to, timeout)
    local conn = net_box.connect(to.host, to.port, {
        user = to.user, password = to.password, connect_timeout = timeout,
    })
    if conn.state ~= 'active' then
        local cause = tostring(conn.error)
        conn:close()
        return nil, cause
    end
    return setmetatable({ conn = conn, timeout = timeout, user = to.user or 'guest' }, BinaryPort)
end

local function code_of(cause)
    if type(cause) ~= 'cdata' then
        return 'ER_PROC_LUA', tostring(cause)
    end
    return cause.type, cause.message
end

---@param name string of a function of the queue
---@return boolean, any true and the result, or false and { code, message }
function BinaryPort:call(name, args)
    local ok, result = pcall(self.conn.call, self.conn, 'queue.' .. name, args, { timeout = self.timeout })
    if ok then
        return true, box.tuple.is(result) and result:totable() or result
    end
    local code, message = code_of(result)
    if message:find('is not defined', 1, true) then
        message = ('this server has no queue.%s: its queue is older than this script, or not there'):format(name)
    elseif code == 'AccessDeniedError' or message:find('denied', 1, true) then
        message = ('user %s may not call queue.%s here: it needs the role tarantella_admin of a server that has it')
            :format(self.user, name)
    end
    return false, { code = code, message = message }
end

function BinaryPort:close()
    self.conn:close()
end

return binary_port
