-- The settings of an instance: defaults ← config file ← environment, checked as a whole
-- before anything is started.

local fio = require('fio')

local settings = {}

local ROLES = { producer = true, consumer = true, admin = true }
local WAL_MODES = { write = true, fsync = true, none = true }
local LOG_LEVELS = {
    fatal = 0, syserror = 1, error = 2, crit = 3, warn = 4, info = 5, verbose = 6, debug = 7,
}

-- name → environment variable, default. The names are those of the config file.
local NAMES = {
    listen = { env = 'TARANTELLA_LISTEN', default = '127.0.0.1:3301' },
    data_dir = { env = 'TARANTELLA_DATA_DIR', default = './data' },
    memory = { env = 'TARANTELLA_MEMORY', default = '512MB' },
    wal_mode = { env = 'TARANTELLA_WAL_MODE', default = 'write' },
    log = { env = 'TARANTELLA_LOG' },
    log_level = { env = 'TARANTELLA_LOG_LEVEL', default = 'info' },
    tubes = { env = 'TARANTELLA_TUBES', default = {} },
    users = { default = {} },
    max_task_bytes = { env = 'TARANTELLA_MAX_TASK_BYTES', default = '4MB' },
    checkpoint_interval = { env = 'TARANTELLA_CHECKPOINT_INTERVAL', default = 3600 },
    session_ttr = { env = 'TARANTELLA_SESSION_TTR', default = 0 },
    mvcc = { env = 'TARANTELLA_MVCC', default = false },
}

local KNOWN_ENV = {
    TARANTELLA_CONFIG = true,
    -- Of clients that may share the environment: not read here, and no mistake.
    TARANTELLA_HOST = true, TARANTELLA_PORT = true, TARANTELLA_USER = true, TARANTELLA_PASSWORD = true,
    TARANTELLA_TUBE = true, TARANTELLA_URI = true,
    TARANTELLA_PRODUCER_PASSWORD = true, TARANTELLA_CONSUMER_PASSWORD = true, TARANTELLA_ADMIN_PASSWORD = true,
}
for _, setting in pairs(NAMES) do
    if setting.env ~= nil then
        KNOWN_ENV[setting.env] = true
    end
end

-- A mistake in the settings, told apart from a fault by its form.
local function refuse(text, ...)
    error({ setting = text:format(...) }, 0)
end

local UNITS = { [''] = 1, B = 1, K = 1024, KB = 1024, M = 1024 ^ 2, MB = 1024 ^ 2, G = 1024 ^ 3, GB = 1024 ^ 3 }

local function to_bytes(name, value)
    local digits, unit = tostring(value):upper():match('^%s*(%d+)%s*(%a*)%s*$')
    if digits == nil or UNITS[unit] == nil then
        refuse("%s must be a number of bytes or like '512MB', got '%s'", name, tostring(value))
    end
    return tonumber(digits) * UNITS[unit]
end

local function to_seconds(name, value)
    local n = tonumber(value)
    if n == nil or n < 0 or n ~= n then
        refuse("%s must be a number of seconds >= 0, got '%s'", name, tostring(value))
    end
    return n
end

local function to_boolean(name, value)
    if value == true or value == 'true' then
        return true
    elseif value == false or value == 'false' then
        return false
    end
    refuse("%s must be true or false, got '%s'", name, tostring(value))
end

local function check_listen(value)
    value = tostring(value)
    local host, port = value:match('^(.*):(%d+)$')
    if value:match('^unix/:') or value:match('^/') then
        return value
    end
    if host == nil then
        port = value:match('^%d+$')
    end
    if port == nil or tonumber(port) > 65535 then
        refuse("listen must be 'host:port', a port or a path, got '%s'", value)
    end
    return host == nil and '127.0.0.1:' .. port or value
end

local function check_level(value)
    local level = LOG_LEVELS[tostring(value)] or tonumber(value)
    if level == nil or level < 0 or level > 7 then
        refuse("log_level must be 0 to 7 or one of fatal, error, warn, info, verbose, debug, got '%s'",
            tostring(value))
    end
    return level
end

-- 'ios:fifottl,android:fifottl' or a list of { name, type, …options }.
local function check_tubes(value)
    local tubes = {}
    if type(value) == 'string' then
        for part in value:gmatch('[^,%s]+') do
            local name, kind = part:match('^([^:]+):([^:]+)$')
            if name == nil then
                refuse("tubes must be like 'name:type,name:type', got '%s'", part)
            end
            table.insert(tubes, { name = name, type = kind, opts = {} })
        end
        return tubes
    end
    if type(value) ~= 'table' then
        refuse('tubes must be a list, got %s', type(value))
    end
    for i, item in ipairs(value) do
        if type(item) ~= 'table' or type(item.name) ~= 'string' or type(item.type) ~= 'string' then
            refuse('tubes[%d] must have a name and a type', i)
        end
        local opts = {}
        for name, option in pairs(item) do
            if name ~= 'name' and name ~= 'type' then
                opts[name] = option
            end
        end
        table.insert(tubes, { name = item.name, type = item.type, opts = opts })
    end
    return tubes
end

local function check_users(value)
    if type(value) ~= 'table' then
        refuse('users must be a list, got %s', type(value))
    end
    for i, user in ipairs(value) do
        if type(user) ~= 'table' or type(user.name) ~= 'string' or type(user.password) ~= 'string'
            or user.password == '' then
            refuse('users[%d] must have a name and a password', i)
        end
        for _, role in ipairs(user.roles or {}) do
            if not ROLES[role] then
                refuse("users[%d]: roles are producer, consumer and admin, got '%s'", i, tostring(role))
            end
        end
    end
    return value
end

local function read_file(path)
    if path:match('%.ya?ml$') then
        local file, cause = io.open(path, 'r')
        if file == nil then
            refuse('cannot read the config file: %s', cause)
        end
        local text = file:read('*a')
        file:close()
        local ok, result = pcall(require('yaml').decode, text)
        if not ok then
            refuse('config file %s is not YAML: %s', path, tostring(result))
        end
        return result
    end
    local chunk, cause = loadfile(path)
    if chunk == nil then
        refuse('cannot read the config file: %s', cause)
    end
    local ok, result = pcall(chunk)
    if not ok then
        refuse('config file %s failed: %s', path, tostring(result))
    end
    return result
end

local function from_file(path)
    if path == nil then
        return {}
    end
    local file = read_file(path)
    if type(file) ~= 'table' then
        refuse('config file %s must give a table, got %s', path, type(file))
    end
    for name in pairs(file) do
        if NAMES[name] == nil then
            refuse('config file %s: unknown setting %s', path, tostring(name))
        end
    end
    return file
end

-- One user per role whose password is set, and those of the config file.
local function all_users(listed, env)
    local users = {}
    for _, role in ipairs({ 'producer', 'consumer', 'admin' }) do
        local password = env[('TARANTELLA_%s_PASSWORD'):format(role:upper())]
        if password ~= nil and password ~= '' then
            -- `admin` itself is Tarantool's superuser.
            local name = role == 'admin' and 'queue_admin' or role
            table.insert(users, { name = name, password = password, roles = { role } })
        end
    end
    for _, user in ipairs(check_users(listed)) do
        table.insert(users, user)
    end
    return users
end

---@param env table<string, string> os.environ()
---@return table settings
function settings.read(env)
    for name in pairs(env) do
        if name:match('^TARANTELLA_') and not KNOWN_ENV[name] then
            refuse('unknown environment variable %s', name)
        end
    end
    local file = from_file(env.TARANTELLA_CONFIG)
    local raw = {}
    for name, setting in pairs(NAMES) do
        local value = setting.env and env[setting.env]
        if value == nil or value == '' then
            value = file[name]
        end
        if value == nil then
            value = setting.default
        end
        raw[name] = value
    end
    if not WAL_MODES[raw.wal_mode] then
        refuse("wal_mode must be write, fsync or none, got '%s'", tostring(raw.wal_mode))
    end
    return {
        listen = check_listen(raw.listen),
        data_dir = fio.abspath(tostring(raw.data_dir)),
        memory = to_bytes('memory', raw.memory),
        max_task_bytes = to_bytes('max_task_bytes', raw.max_task_bytes),
        wal_mode = raw.wal_mode,
        log = raw.log ~= 'stderr' and raw.log or nil,
        log_level = check_level(raw.log_level),
        session_ttr = to_seconds('session_ttr', raw.session_ttr),
        checkpoint_interval = to_seconds('checkpoint_interval', raw.checkpoint_interval),
        mvcc = to_boolean('mvcc', raw.mvcc),
        tubes = check_tubes(raw.tubes),
        users = all_users(raw.users, env),
    }
end

return settings
