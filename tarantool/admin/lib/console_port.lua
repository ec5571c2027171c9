-- The queue through a text console: `console.listen`, or an instance's control socket.

local digest = require('digest')
local msgpack = require('msgpack')
local yaml = require('yaml')

local ConsolePort = {}
ConsolePort.__index = ConsolePort

local console_port = {}

local END = '\n...\n'

local function ask(self, line)
    if self.socket:write(line .. '\n') == nil then
        return nil, 'the console has closed the connection'
    end
    local answer = self.socket:read(END, self.timeout)
    if answer == nil then
        return nil, ('no answer within %s seconds'):format(self.timeout)
    elseif answer == '' then
        return nil, 'the console has closed the connection'
    end
    local ok, decoded = pcall(yaml.decode, answer)
    if not ok or type(decoded) ~= 'table' then
        return nil, 'the console answered something else than YAML'
    end
    return decoded
end

---@param socket table of which the greeting has been read
---@return table|nil port, string|nil why not
function console_port.new(socket, timeout)
    local self = setmetatable({ socket = socket, timeout = timeout }, ConsolePort)
    -- Whatever somebody has made the default.
    local ok, cause = ask(self, '\\set output yaml')
    if ok == nil then
        return nil, cause
    end
    return self
end

---@param name string of a function of the queue
---@return boolean, any true and the result, or false and { code, message }
function ConsolePort:call(name, args)
    assert(name:match('^[%l_]+$'))
    local encoded = digest.base64_encode(msgpack.encode(args), { nowrap = true })
    local line = ("return require('tarantella.admin.console').call('%s', '%s')"):format(name, encoded)
    local answer, cause = ask(self, line)
    if answer == nil then
        return false, { code = 'CONNECTION', message = cause }
    end
    local text = answer[1]
    if type(text) ~= 'string' then
        local failure = type(text) == 'table' and text.error or 'unknown'
        if tostring(failure):find("module 'tarantella", 1, true) then
            failure = 'this instance has no queue, or one that is older than this script'
        end
        return false, { code = 'CONSOLE', message = tostring(failure) }
    end
    local result = msgpack.decode(digest.base64_decode(text))
    if result[1] then
        return true, result[2]
    end
    return false, { code = result[2], message = result[3] }
end

function ConsolePort:close()
    self.socket:close()
end

return console_port
