-- Who uses the queue: sessions with what they hold, and the takes that wait.

local fiber = require('fiber')
local describe = require('tarantella.admin.describe')
local pick = require('tarantella.schedule.pick')
local registry = require('tarantella.registry')
local schedule = require('tarantella.schedule.schedule')
local session = require('tarantella.session')
local slices = require('tarantella.admin.slices')

local RECORDS_PER_LOOK = 10000

local who = {}

local function seq(list)
    return setmetatable(list, { __serialize = 'seq' })
end

-- The address of a connection; nil for fibers of the instance, and where it has just gone.
local function peer_of(connection)
    local ok, peer = pcall(box.session.peer, connection.sid)
    return ok and peer or nil
end

-- owner number → taken tasks of one tube.
local function held_in(tube, slice)
    local held, from = {}, 1
    while from <= tube.sched.slab.used and not tube.is_dropped do
        local to = math.min(tube.sched.slab.used, from + RECORDS_PER_LOOK - 1)
        pick.held(tube.sched, from, to, schedule.TAKEN, held)
        from = to + 1
        if not slice:go_on() then
            break
        end
    end
    return held
end

-- owner number → { total, by_tube }
local function held_by_owner()
    local slice = slices.new()
    local by_owner = {}
    for name, tube in pairs(table.copy(registry.all())) do
        if tube.sched.count[schedule.TAKEN] > 0 then
            for number, count in pairs(held_in(tube, slice)) do
                local of = by_owner[number] or { total = 0, by_tube = {} }
                of.total, of.by_tube[name] = of.total + count, count
                by_owner[number] = of
            end
        end
    end
    return by_owner
end

local function waits_of(connection)
    local count = 0
    for _ in pairs(connection.waits) do
        count = count + 1
    end
    return count
end

-- owner → its connections
local function connections_by_owner()
    local by_owner = {}
    session.each_connection(function(connection)
        local list = by_owner[connection.owner] or seq({})
        by_owner[connection.owner] = list
        table.insert(list, { id = connection.sid, peer = peer_of(connection), waiting = waits_of(connection) })
    end)
    return by_owner
end

---@param after integer session number
---@return table {sessions = [{session, identity, taken, tubes, waiting, connections, ends}], next}
function who.sessions(after, limit)
    local held = held_by_owner()
    local connections = connections_by_owner()
    local found = {}
    session.each(function(owner, ends_at)
        if owner.number > after then
            table.insert(found, { owner, ends_at })
        end
    end)
    table.sort(found, function(a, b) return a[1].number < b[1].number end)
    local list = seq({})
    for i = 1, math.min(limit, #found) do
        local owner, ends_at = unpack(found[i])
        local of = held[owner.number] or { total = 0, by_tube = {} }
        local waiting = 0
        for _, connection in ipairs(connections[owner] or {}) do
            waiting = waiting + connection.waiting
        end
        list[i] = {
            session = owner.number, identity = describe.identity(owner), taken = of.total,
            tubes = setmetatable(of.by_tube, { __serialize = 'map' }), waiting = waiting,
            connections = connections[owner] or seq({}),
            -- Without a connection its leases last so many seconds more.
            ends = ends_at ~= nil and math.max(0, ends_at - fiber.clock()) or nil,
        }
    end
    return { sessions = list, next = #found > limit and list[limit].session or nil }
end

local function add_line(line, utube, list, limit)
    local waiter = line.first
    while waiter ~= nil and #list < limit do
        local connection = waiter.owner
        table.insert(list, {
            utube = utube, n = waiter.want, connection = connection.sid, peer = peer_of(connection),
            session = connection.owner ~= nil and connection.owner.number or nil,
        })
        waiter = waiter.next
    end
end

---@return table {total, waiters = [{n, utube, session, connection, peer}]}, of each line the longest waiting first
function who.waiters(tube, limit)
    local list = seq({})
    add_line(tube.waiters, nil, list, limit)
    for utube, line in pairs(tube.lines) do
        add_line(line, utube, list, limit)
    end
    return { total = tube:waiting(), waiters = list }
end

return who
