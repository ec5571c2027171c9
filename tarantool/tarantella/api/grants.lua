-- Least rights: roles that may execute functions and nothing else. The functions run
-- with the rights of their maker (`setuid`), so no user needs any on the spaces.

local abilities = require('tarantella.abilities')
local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local raw_args = require('tarantella.api.raw_args')

local grants = {}

local ANYONE = { 'state', 'health', 'statistics', 'stats', 'identify' }
local PRODUCER = { 'put', 'put_many', 'peek' }
local CONSUMER = {
    'take', 'take_many', 'ack_take', 'cancel_take', 'ack', 'ack_many', 'release', 'release_many',
    'bury', 'bury_many', 'touch', 'touch_many', 'peek',
}
local ADMIN = {
    'kick', 'delete', 'delete_many', 'truncate', 'drop', 'release_all', 'create_tube', 'tube', 'cfg',
}

local ROLES = {
    tarantella_producer = { ANYONE, PRODUCER },
    tarantella_consumer = { ANYONE, CONSUMER },
    tarantella_admin = { ANYONE, PRODUCER, CONSUMER, ADMIN },
}

-- What tarantool/queue's `grant` with {call = true} lets a user call.
local TUBE_METHODS = { 'put', 'take', 'touch', 'ack', 'release', 'peek', 'bury', 'kick', 'delete' }

-- A function of the queue that stands already keeps the form in which it gets arguments.
local function ensure_function(name)
    if not box.schema.func.exists(name) then
        local is_raw = raw_args.reads(name:match('^queue%.([%w_]+)$'))
        box.schema.func.create(name, { setuid = true, takes_raw_args = is_raw or nil })
    end
end

local function is_granted(grantor, name)
    local id = box.space._user.index.name:get(grantor)
    local func = box.space._func.index.name:get(name)
    return id ~= nil and func ~= nil and box.space._priv:get({ id[1], 'function', func[1] }) ~= nil
end

-- Grants without writing anything where it is granted already.
local function grant_execute(kind, grantee, name)
    if not is_granted(grantee, name) then
        box.schema[kind].grant(grantee, 'execute', 'function', name, { if_not_exists = true })
    end
end

local function grant_all(role, names)
    for _, name in ipairs(names) do
        ensure_function('queue.' .. name)
        grant_execute('role', role, 'queue.' .. name)
    end
end

---Makes the roles tarantella_producer, tarantella_consumer and tarantella_admin. What
---stands is left alone.
function grants.ensure()
    for role, lists in pairs(ROLES) do
        if not box.schema.role.exists(role) then
            box.schema.role.create(role)
        end
        for _, list in ipairs(lists) do
            grant_all(role, list)
        end
    end
    for _, ability in ipairs(abilities.all()) do
        for right, names in pairs(ability.rights or {}) do
            grant_all('tarantella_' .. right, names)
            grant_all('tarantella_admin', names)
        end
    end
end

---@return table names of the roles
function grants.roles()
    return ROLES
end

---@param kind string user or role
---Lets a user or a role use the tube: by its space for Lua code that runs as that user,
---and for remote calls, with {call = true}, by functions.
---@param opts table|nil {call = true, truncate = true, prefix = 'queue.tube'}
function grants.tube(tube_name, kind, grantee, opts)
    opts = args.options('opts', opts) or {}
    if type(grantee) ~= 'string' then
        errors.invalid(kind, 'a string', grantee)
    end
    for _, name in ipairs({ tube_name, const.LEASE_SPACE, const.SESSION_SPACE, const.KEY_SPACE }) do
        box.schema[kind].grant(grantee, 'read,write', 'space', name, { if_not_exists = true })
    end
    local prefix = opts.prefix or 'queue.tube'
    local names = {}
    if opts.call then
        for _, method in ipairs(TUBE_METHODS) do
            table.insert(names, ('%s.%s:%s'):format(prefix, tube_name, method))
        end
        table.insert(names, 'queue.identify')
        table.insert(names, 'queue.statistics')
    end
    if opts.truncate then
        table.insert(names, ('%s.%s:truncate'):format(prefix, tube_name))
    end
    for _, name in ipairs(names) do
        ensure_function(name)
        grant_execute(kind, grantee, name)
    end
end

return grants
