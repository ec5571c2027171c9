-- Who holds leases. An owner is a connection, or several that identified themselves
-- by one uuid; its leases outlive its last connection by the session ttr.

local fiber = require('fiber')
local uuid = require('uuid')
local errors = require('tarantella.errors')

-- Requests that a closed connection had sent may still be about to start: they must
-- not open an owner whose end nobody would report. Two generations of closed
-- session ids, of this many each, are remembered for that.
local CLOSED_GENERATION = 10000

-- Fibers of the instance itself have a session each, whose end nobody reports. They
-- are looked after in passing, at the latest when this many have come.
local LOCAL_SWEEP = 1000
local SWEEP_S = 30

local session = {}

local connections = {} -- box session id → connection
local owners = {}      -- owner number → owner
local by_uuid = {}     -- 16 bytes → owner
local lingering = {}   -- owner → fiber time at which it ends
local closed, closed_before, closed_count = {}, {}, 0
local locals, locals_count = {}, 0 -- session id → connection of a fiber of the instance
local locals_since, swept = 0, fiber.clock()
local last_number = 0
local ttr_s = 0
local on_end = function() end
local on_linger = function() end

---Installs what ends an owner's leases, and what wakes the timer.
function session.listen(ended, lingers)
    on_end, on_linger = ended, lingers
end

---@param seconds number how long leases outlive the last connection of their owner
function session.set_ttr(seconds)
    ttr_s = seconds
end

local function new_owner()
    last_number = last_number + 1
    -- `is_stored`: the next master of the replica set knows it, see durable.lua.
    local owner = { number = last_number, connections = 0, uuid = nil, is_stored = false }
    owners[last_number] = owner
    return owner
end

local function attach(connection, owner)
    connection.owner = owner
    owner.connections = owner.connections + 1
    lingering[owner] = nil
end

local function finish(owner)
    lingering[owner] = nil
    owners[owner.number] = nil
    if owner.uuid ~= nil then
        by_uuid[owner.uuid] = nil
    end
    on_end(owner)
end

local function detach(connection)
    local owner = connection.owner
    owner.connections = owner.connections - 1
    if owner.connections > 0 then
        return
    end
    if ttr_s > 0 then
        lingering[owner] = fiber.clock() + ttr_s
        on_linger()
    else
        finish(owner)
    end
end

---The caller's connection. One that has gone is marked `closed` and owns nothing.
function session.current()
    local sid = box.session.id()
    local connection = connections[sid]
    if connection ~= nil then
        return connection
    end
    -- `waits`: waiter → its line; `takes`: key → { line, waiter } of a take that can be cancelled.
    connection = { sid = sid, closed = closed[sid] or closed_before[sid] or false, waits = {}, takes = {} }
    if connection.closed then
        connection.owner = { number = 0 }
        return connection
    end
    attach(connection, new_owner())
    connections[sid] = connection
    if box.session.type() == 'background' then
        locals[sid] = connection
        locals_count = locals_count + 1
        locals_since = locals_since + 1
        if locals_since >= LOCAL_SWEEP then
            locals_since = 0
            on_linger()
        end
    end
    return connection
end

---@return integer number of the caller's owner, 0 if it has none
function session.owner_number()
    local connection = connections[box.session.id()]
    return connection ~= nil and connection.owner.number or 0
end

---@return boolean whether the owner of that number can still hold leases
function session.is_alive(number)
    return owners[number] ~= nil
end

local function close(sid)
    local connection = connections[sid]
    if connection == nil then
        return
    end
    connections[sid] = nil
    connection.closed = true
    for waiter, line in pairs(connection.waits) do
        line:finish(waiter)
    end
    detach(connection)
end

---Ends the caller's connection as if it were lost; it may go on as a new one.
function session.close_current()
    close(box.session.id())
end

---Called by the on_disconnect trigger, in the session that ends.
function session.disconnected()
    local sid = box.session.id()
    closed[sid] = true
    closed_count = closed_count + 1
    if closed_count >= CLOSED_GENERATION then
        closed_before, closed, closed_count = closed, {}, 0
    end
    close(sid)
end

-- Closes what fibers of the instance left when they ended.
local function sweep()
    -- Every second is often enough where looking costs something, and not before a
    -- minute has passed where nothing presses.
    if fiber.clock() - swept < (locals_count > LOCAL_SWEEP and 1 or SWEEP_S) then
        return
    end
    swept = fiber.clock()
    local ended = {}
    for sid in pairs(locals) do
        if not box.session.exists(sid) then
            table.insert(ended, sid)
        end
    end
    for _, sid in ipairs(ended) do
        locals[sid] = nil
        locals_count = locals_count - 1
        close(sid)
    end
end

---Ends owners whose time has come, or whose fiber has ended.
---@return number|nil seconds until the next end
function session.expire()
    sweep()
    local now, nearest = fiber.clock(), nil
    local due = {}
    for owner, ends in pairs(lingering) do
        if ends <= now then
            table.insert(due, owner)
        elseif nearest == nil or ends < nearest then
            nearest = ends
        end
    end
    for _, owner in ipairs(due) do
        -- It may have been picked up while an earlier one was ended.
        if lingering[owner] ~= nil then
            finish(owner)
        end
    end
    return nearest ~= nil and nearest - fiber.clock() or nil
end

---@return string 16 bytes that name an owner from now on
function session.uuid_of(owner)
    if owner.uuid == nil then
        owner.uuid = uuid.bin()
        by_uuid[owner.uuid] = owner
    end
    return owner.uuid
end

---@param bytes string uuid
---@return table|nil owner
function session.find(bytes)
    return by_uuid[bytes]
end

---@return table|nil owner
function session.by_number(number)
    return owners[number]
end

---@param visit function(owner, fiber time at which one without a connection ends)
function session.each(visit)
    for _, owner in pairs(owners) do
        visit(owner, lingering[owner])
    end
end

---@return integer owners of leases: connections, and sessions that outlive theirs
function session.count()
    local n = 0
    for _ in pairs(owners) do
        n = n + 1
    end
    return n
end

---@param visit function(connection)
function session.each_connection(visit)
    for _, connection in pairs(connections) do
        visit(connection)
    end
end

---@return number seconds
function session.ttr()
    return ttr_s
end

---The owner of that name; a new one has no connection yet, and lasts for the session ttr.
---@param bytes string uuid
---@return table owner
function session.revive(bytes)
    local owner = by_uuid[bytes]
    if owner == nil then
        owner = new_owner()
        owner.uuid = bytes
        by_uuid[bytes] = owner
        lingering[owner] = fiber.clock() + ttr_s
        on_linger()
    end
    return owner
end

---@return table for `import` of a newer copy of the module
function session.export()
    return {
        connections = connections, owners = owners, by_uuid = by_uuid, lingering = lingering,
        closed = closed, closed_before = closed_before, closed_count = closed_count,
        locals = locals, locals_count = locals_count, last_number = last_number,
    }
end

---Goes on with the sessions of an older copy of the module.
function session.import(older)
    connections, owners, by_uuid, lingering = older.connections, older.owners, older.by_uuid, older.lingering
    closed, closed_before, closed_count = older.closed, older.closed_before, older.closed_count
    locals, locals_count, last_number = older.locals, older.locals_count, older.last_number
end

---Names the caller's session, or joins the one of that name.
---@param bytes string|nil uuid as 16 bytes
---@return string uuid as 16 bytes, table|nil owner
function session.identify(bytes)
    local connection = session.current()
    if bytes == nil then
        if connection.closed then
            -- Nobody is there to hear it, and nothing would end it.
            return uuid.bin()
        end
        return session.uuid_of(connection.owner), connection.owner
    end
    if type(bytes) ~= 'string' or #bytes ~= 16 then
        errors.raise('INVALID_ARGUMENT', 'Invalid UUID format.')
    end
    local owner = by_uuid[bytes]
    if owner == nil then
        local text = uuid.frombin(bytes)
        errors.raise('SESSION_NOT_FOUND', ('The UUID %s is unknown.'):format(tostring(text)))
    end
    if owner ~= connection.owner and not connection.closed then
        local before = connection.owner
        connection.owner = nil
        attach(connection, owner)
        detach({ owner = before })
    end
    return bytes, owner
end

return session
