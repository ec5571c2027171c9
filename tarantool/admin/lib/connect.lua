-- Opens what an address leads to: which of the two protocols is there, its greeting says.

local errno = require('errno')
local socket = require('socket')
local binary_port = require('lib.binary_port')
local console_port = require('lib.console_port')

---@param to table see address.lua
---@param timeout number seconds
---@return table|nil port with `call` and `close`, string|nil why not
local function connect(to, timeout)
    local sock, cause = socket.tcp_connect(to.host, to.port, timeout)
    if sock == nil then
        return nil, ('cannot connect to %s: %s'):format(to.text, cause or errno.strerror())
    end
    local greeting = sock:read('\n', timeout)
    if greeting == nil or not greeting:match('^Tarantool ') then
        sock:close()
        return nil, ('no Tarantool answers at %s'):format(to.text)
    end
    local port
    if greeting:find('console', 1, true) then
        sock:read('\n', timeout)
        port, cause = console_port.new(sock, timeout)
    else
        sock:close()
        port, cause = binary_port.new(to, timeout)
    end
    if port == nil then
        return nil, ('cannot use %s: %s'):format(to.text, cause)
    end
    return port
end

return connect
