-- From settings to a running instance: box.cfg, roles, users, tubes, the ready line.

local fio = require('fio')
local checkpoints = require('tarantella.instance.checkpoints')
local compat = require('tarantella.compat')
local settings = require('tarantella.instance.settings')

local launch = {}

-- Requests of one instance that the network thread lets run at a time: waiting takes
-- count, so it has to be above the number of workers.
local NET_MSG_MAX = 20000
-- Fits bursts; a reply holds up to some MB of tasks.
local READAHEAD = 1024 * 1024

local function fail(text)
    io.stderr:write(('tarantella: %s\n'):format(text))
    os.exit(1)
end

local function configure(s)
    if not fio.path.is_dir(s.data_dir) then
        local ok, cause = fio.mktree(s.data_dir)
        if not ok then
            fail(('cannot make the data directory %s: %s'):format(s.data_dir, tostring(cause)))
        end
    end
    local ok, cause = pcall(box.cfg, {
        memtx_dir = s.data_dir, wal_dir = s.data_dir, vinyl_dir = s.data_dir,
        memtx_memory = s.memory,
        memtx_max_tuple_size = s.max_task_bytes,
        wal_mode = s.wal_mode,
        -- Servers without it refuse the option, not its absence.
        memtx_use_mvcc_engine = s.mvcc or nil,
        log = s.log, log_level = s.log_level,
        net_msg_max = NET_MSG_MAX,
        readahead = READAHEAD,
        feedback_enabled = false,
        checkpoint_interval = s.checkpoint_interval,
    })
    if not ok then
        fail(('cannot start: %s'):format(tostring(cause)))
    end
end

local function make_tubes(queue, tubes)
    for _, tube in ipairs(tubes) do
        local opts = table.copy(tube.opts)
        opts.if_not_exists = true
        local ok, cause = pcall(queue.create_tube, tube.name, tube.type, opts)
        if not ok then
            fail(('cannot create the tube %s: %s'):format(tube.name, tostring(cause)))
        end
    end
end

-- The address with the port that a port of 0 was given. 2.6 knows it as box.info.listen.
local function address()
    local listen = box.info.listen
    return type(listen) == 'table' and listen[1] or listen
end

---@param publish function(queue) called before the instance listens
function launch.run(publish)
    local ok, s = pcall(settings.read, os.environ())
    if not ok then
        fail(type(s) == 'table' and s.setting or tostring(s))
    end
    configure(s)
    local queue = require('tarantella')
    publish(queue)
    queue.cfg({ ttr = s.session_ttr })
    if not box.info.ro then
        queue.grant_roles()
        require('tarantella.instance.users').ensure(s.users)
        make_tubes(queue, s.tubes)
    end
    local listening, cause = pcall(box.cfg, { listen = s.listen })
    if not listening then
        fail(('cannot listen on %s: %s'):format(s.listen, tostring(cause)))
    end
    if compat.loses_rows_after_checkpoint() and s.checkpoint_interval > 0 then
        checkpoints.start(s.checkpoint_interval)
    end
    io.stdout:write(('tarantella ready on %s\n'):format(address()))
    io.stdout:flush()
end

return launch
