-- An instance in a process of its own, started the way users start it.

local fio = require('fio')
local net_box = require('net.box')
local popen = require('popen')

local instance = {}

-- The server that runs this test.
local function binary()
    local link = fio.readlink('/proc/self/exe')
    return link or os.getenv('TARANTOOL_BIN') or 'tarantool'
end

---Starts `init.lua` with these settings; waits until it is ready or has ended.
---@return table { process, address, exit_code, errors }
function instance.start(init, folder, settings)
    local env = {}
    for name, value in pairs(os.environ()) do
        if not name:match('^TARANTELLA_') then
            env[name] = value
        end
    end
    env.TARANTELLA_LISTEN = '127.0.0.1:0'
    env.TARANTELLA_DATA_DIR = fio.pathjoin(folder, 'data')
    env.TARANTELLA_LOG = fio.pathjoin(folder, 'server.log')
    env.TARANTELLA_MEMORY = '64MB'
    for name, value in pairs(settings or {}) do
        env['TARANTELLA_' .. name] = value
    end
    local process = popen.new({ binary(), init }, {
        stdout = popen.opts.PIPE, stderr = popen.opts.PIPE, stdin = popen.opts.DEVNULL, env = env,
    })
    local line = process:read({ timeout = 20 }) or ''
    local address = line:match('^tarantella ready on (%S+)')
    local self = { process = process, address = address }
    if address == nil then
        self.errors = process:read({ stderr = true, timeout = 5 }) or ''
        self.exit_code = process:wait().exit_code
        process:close()
    end
    return self
end

function instance.connect(self, user, password)
    return net_box.connect(self.address, { user = user, password = password, connect_timeout = 10 })
end

---kill -9, as a crash would.
function instance.crash(self)
    self.process:kill()
    self.process:wait()
    self.process:close()
end

return instance
