-- An instance of one's own with the queue in it, as an application has it: box.cfg, the module, a user, the
-- application's spaces and functions. It prints the line that init.lua prints when it is ready.

local fio = require('fio')

local here = fio.dirname(fio.abspath(arg[0]))
local modules = fio.pathjoin(here, '..', '..', 'tarantool')
package.path = ('%s/?.lua;%s/?/init.lua;%s'):format(modules, modules, package.path)

local instance = {}

---Transactions over the network need it; servers before 2.10 have none, and start without it.
local function has_streams()
    local major, minor = _TARANTOOL:match('^(%d+)%.(%d+)')
    return tonumber(major) > 2 or tonumber(minor) >= 10
end

---@param make function makes what the application needs beside the queue, at every start: a second run does no harm
function instance.start(make)
    local folder = os.getenv('TARANTELLA_DATA_DIR')
    box.cfg({
        memtx_dir = folder, wal_dir = folder, vinyl_dir = folder,
        memtx_use_mvcc_engine = has_streams() or nil,
        log_level = 4,
        net_msg_max = 20000,
        feedback_enabled = false,
    })
    -- Remote calls name its functions by this global.
    local queue = require('tarantella')
    rawset(_G, 'queue', queue)
    queue.grant_roles()
    local password = os.getenv('APP_PASSWORD')
    box.schema.user.create('app', { password = password, if_not_exists = true })
    make()
    box.cfg({ listen = os.getenv('TARANTELLA_LISTEN') })
    local listen = box.info.listen
    io.stdout:write(('tarantella ready on %s\n'):format(type(listen) == 'table' and listen[1] or listen))
    io.stdout:flush()
end

return instance
