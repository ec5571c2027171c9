-- Hot reload: a second copy of this module takes the queue over from the first one, with
-- its sessions, leases and counters, in the same process and without a lost call.
--
-- The first copy is found in Lua's registry, which no package.loaded can reach. Calls
-- that come meanwhile wait and go to the second one; takes that wait are answered
-- without a task, as at a timeout.

local fiber = require('fiber')
local log = require('log')
local cfg = require('tarantella.api.cfg')
local estate = require('tarantella.estate')
local front = require('tarantella.api.front')
local lease = require('tarantella.lease')
local registry = require('tarantella.registry')
local role = require('tarantella.role')
local session = require('tarantella.session')

local KEY = 'tarantella'
-- Of what one copy gives to the other. A copy that does not know it begins as after a restart.
local FORMAT = 1
-- Longest wait for the commits that are under way.
local DRAIN_S = 10

local handover = {}

local function is_drained()
    for _, tube in pairs(registry.all()) do
        if tube.arriving > 0 or tube.sched.busy > 0 then
            return false
        end
    end
    return true
end

local function drain()
    local deadline = fiber.clock() + DRAIN_S
    while not is_drained() do
        if fiber.clock() > deadline then
            log.warn('tarantella: the module is reloaded while changes are not committed yet')
            return
        end
        fiber.sleep(0.001)
    end
end

-- What the older copy is asked for by the newer one.
local function give()
    role.hold()
    drain()
    local state = {
        format = FORMAT,
        session = session.export(),
        lease = lease.export(),
        cfg = { ttr = cfg.ttr, in_replicaset = cfg.in_replicaset },
        tubes = {},
        front = front.export(),
    }
    for _, tube in pairs(registry.all()) do
        state.tubes[tube.id] = estate.with_leases(tube)
    end
    -- From here to the newer copy's trigger nothing yields.
    role.unfollow(front.table())
    return state
end

---Takes over from an older copy of the module, if there is one, and starts.
function handover.start()
    local older = debug.getregistry()[KEY]
    local state = older ~= nil and older() or nil
    if state ~= nil and state.format == FORMAT then
        session.import(state.session)
        lease.import(state.lease)
        registry.import(state.tubes)
        cfg(state.cfg)
        front.import(state.front)
    end
    debug.getregistry()[KEY] = give
    role.follow(registry.start, registry.stop)
end

return handover
