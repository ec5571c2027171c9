-- Exit code 0 if the instance that the environment describes serves the queue, else 1 with a line that says why.
-- Logs in as one of the users that the instance was started with; without any of their passwords it can only ping.

local net_box = require('net.box')

local TIMEOUT_S = 3

--- The address to connect to: TARANTELLA_LISTEN, where "any address" means this machine.
local function address()
    local listen = os.getenv('TARANTELLA_LISTEN') or '127.0.0.1:3301'
    if not listen:find(':') then
        listen = '127.0.0.1:' .. listen
    end
    return (listen:gsub('^0%.0%.0%.0:', '127.0.0.1:'):gsub('^%[::%]:', '[::1]:'))
end

--- Name and password of the first user that has one, or nil.
local function credentials()
    for _, role in ipairs({'consumer', 'producer', 'admin'}) do
        local password = os.getenv(('TARANTELLA_%s_PASSWORD'):format(role:upper()))
        if password ~= nil and password ~= '' then
            return role == 'admin' and 'queue_admin' or role, password
        end
    end
    return nil
end

local function check()
    local user, password = credentials()
    local options = {user = user, password = password, connect_timeout = TIMEOUT_S, wait_connected = TIMEOUT_S}
    local connection = net_box.connect(address(), options)
    if connection.state ~= 'active' then
        error(('no connection to %s: %s'):format(address(), connection.error), 0)
    end
    if user == nil then
        return connection:ping({timeout = TIMEOUT_S}) or error('no answer to a ping', 0)
    end
    local health = connection:call('queue.health', {}, {timeout = TIMEOUT_S})
    if not health.ready then
        error('the queue is not ready', 0)
    end
end

local ok, reason = pcall(check)
if not ok then
    io.stderr:write(('unhealthy: %s\n'):format(reason))
end
os.exit(ok and 0 or 1)
