-- The application's own rows and the queue in one instance, so that both change in one transaction.

local ffi = require('ffi')
local fio = require('fio')
local instance = dofile(fio.pathjoin(fio.dirname(fio.abspath(arg[0])), '..', 'server', 'instance.lua'))
local queue = require('tarantella')

ffi.cdef([[
int getpid(void);
int kill(int pid, int signal);
]])

---A power cut, for the example: nothing after this line happens.
local function die()
    ffi.C.kill(ffi.C.getpid(), 9)
end

---Registers a user and sees to it that he gets a mail: both, or an error and neither. Saying it again is no harm.
---@param crash_between boolean|nil for the example
---@return boolean whether he is new
function _G.register(name, crash_between)
    return box.atomic(function()
        if box.space.users:get(name) ~= nil then
            return false
        end
        box.space.users:insert({ name })
        if crash_between then
            die()
        end
        queue.put('welcome', { name = name })
        return true
    end)
end

instance.start(function()
    local users = box.schema.space.create('users', { if_not_exists = true })
    users:format({ { 'name', 'string' } })
    users:create_index('pk', { parts = { 'name' }, if_not_exists = true })
    queue.create_tube('welcome', 'fifottl', { if_not_exists = true })

    box.schema.func.create('register', { setuid = true, if_not_exists = true })
    box.schema.user.grant('app', 'execute', 'function', 'register', { if_not_exists = true })
    box.schema.user.grant('app', 'read,write', 'space', 'users', { if_not_exists = true })
    for _, role in ipairs({ 'tarantella_producer', 'tarantella_consumer' }) do
        box.schema.user.grant('app', role, nil, nil, { if_not_exists = true })
    end
end)
