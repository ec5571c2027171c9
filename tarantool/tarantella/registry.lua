-- The tubes by name: made, dropped, and entered or left with the instance's role.

local fiber = require('fiber')
local log = require('log')
local abilities = require('tarantella.abilities')
local const = require('tarantella.const')
local durable = require('tarantella.durable')
local errors = require('tarantella.errors')
local estate = require('tarantella.estate')
local expiry = require('tarantella.expiry')
local lapse = require('tarantella.lapse')
local lease = require('tarantella.lease')
local migrations = require('tarantella.migrations')
local schedule = require('tarantella.schedule.schedule')
local schema = require('tarantella.schema')
local session = require('tarantella.session')
local timer = require('tarantella.timer')
local tube_class = require('tarantella.tube')

local registry = {}

local PRESETS = {}
for _, kind in ipairs({ 'fifo', 'fifottl', 'limfifottl', 'utube', 'utubettl' }) do
    PRESETS[kind] = require('tarantella.preset.' .. kind)
end

-- Longest wait for the rows of the master before.
local MAX_LAG_S = 10

local tubes, tubes_by_id = {}, {}
local left = {} -- tube id → what the tube of that id left behind
local known = {} -- names that `on_tube` was told of
local on_tube = function() end
local is_changing, changed = false, fiber.cond()

---@param fn function(tube, is_there) called when a tube appears, and when it goes for good
function registry.on_tube(fn)
    on_tube = fn
end

---@return table|nil tube
function registry.by_id(id)
    return tubes_by_id[tonumber(id)]
end

function registry.get(name)
    return tubes[name]
end

function registry.all()
    return tubes
end

function registry.preset(kind)
    return PRESETS[kind]
end

---@return table name of a type → its preset
function registry.presets()
    return table.copy(PRESETS)
end

local function enter(record, preset)
    local tube = tube_class.new(record, preset)
    estate.inherit(tube, left[tube.id])
    tubes[record.name], tubes_by_id[tube.id] = tube, tube
    known[record.name] = true
    on_tube(tube, true)
    return tube
end

local function leave(tube)
    tube:close()
    tubes[tube.name], tubes_by_id[tube.id] = nil, nil
    -- The counters go on when the instance is the master again, and so does the callback.
    left[tube.id] = estate.of(tube)
end

local function forget(name)
    known[name] = nil
    on_tube({ name = name }, false)
end

-- Tubes are made and dropped one at a time: a space that is being made is seen by
-- others before it is committed.
local function exclusively(fn, ...)
    while is_changing do
        changed:wait()
        fiber.testcancel()
    end
    is_changing = true
    local ok, result, more = pcall(fn, ...)
    is_changing = false
    changed:signal()
    if not ok then
        error(result, 0)
    end
    return result, more
end

---@param stored table options to store
---@param if_not_exists boolean gives the tube that stands, as it is
---@param make function|nil(name, kind, stored) → row of the tube; by default schema.create_tube
---@return table tube, boolean whether it is new
function registry.create(name, kind, stored, if_not_exists, make)
    return exclusively(function()
        local tube = tubes[name]
        if tube ~= nil and if_not_exists then
            return tube, false
        end
        local record = (make or schema.create_tube)(name, kind, stored)
        tube = enter(record, PRESETS[kind])
        tube:load(timer.wall_us())
        tube:set_durable(durable.is_wanted())
        return tube, true
    end)
end

local function drop(tube, is_forced, remove)
    if tube.is_dropped then
        errors.tube_not_found()
    end
    if not is_forced and tube:waiting() > 0 then
        errors.raise('TUBE_IN_USE', 'There are consumers connected the tube')
    end
    if not is_forced and tube.sched.count[schedule.TAKEN] > 0 then
        errors.raise('TUBE_IN_USE', 'There are taken tasks in the tube')
    end
    -- New calls find no tube while the space goes; if it stays, the tube is made anew.
    leave(tube)
    local ok, cause = pcall(remove or schema.drop_tube, tube.id, tube.name)
    if not ok then
        local record = box.space[const.TUBE_SPACE]:get(tube.id)
        if record ~= nil then
            enter(record, PRESETS[record.type]):load(timer.wall_us())
            tubes[record.name]:set_durable(durable.is_wanted())
        end
        error(cause, 0)
    end
    left[tube.id] = nil
    forget(tube.name)
end

---@param is_forced boolean|nil whether waiting takes are ended and taken tasks go too
---@param remove function|nil(id, name), by default schema.drop_tube; if it raises the tube stays
function registry.drop(tube, is_forced, remove)
    exclusively(drop, tube, is_forced, remove)
end

-- Ends every lease of an owner, in all tubes.
local function owner_ended(owner)
    for _, tube in pairs(table.copy(tubes)) do
        lapse.all(tube, owner.number)
    end
    durable.forget(owner)
end

-- Rows that the master before has written may still be on their way.
local function await_upstreams()
    local lag = 0
    for _, replica in pairs(box.info.replication) do
        lag = math.max(lag, replica.upstream ~= nil and replica.upstream.lag or 0)
    end
    fiber.sleep(math.min(2 * lag, MAX_LAG_S))
end

---Enters all stored tubes and builds their schedules; on a writable instance.
function registry.start()
    await_upstreams()
    migrations.run()
    lease.begin_epoch()
    for _, record in ipairs(schema.tubes()) do
        local preset = PRESETS[record.type]
        if preset == nil then
            log.error('tarantella: tube %s has the unknown type %s', record.name, record.type)
        elseif box.space[record.name] == nil then
            log.error('tarantella: tube %s has no space', record.name)
        else
            enter(record, preset)
        end
    end
    -- Another instance may have dropped some meanwhile.
    for name in pairs(table.copy(known)) do
        if tubes[name] == nil then
            forget(name)
        end
    end
    for _, tube in pairs(table.copy(tubes)) do
        tube:load(timer.wall_us())
    end
    session.listen(owner_ended, timer.kick)
    durable.start(tubes)
    for _, tube in pairs(table.copy(tubes)) do
        estate.adopt(tube, left[tube.id])
    end
    durable.store_all(tubes)
    left = {}
    local jobs = { sessions = session.expire }
    for _, ability in ipairs(abilities.all()) do
        if ability.start ~= nil then
            ability.start()
        end
        jobs[ability.name] = ability.run
    end
    timer.start(registry.all, expiry.run, jobs)
end

---@param older table tube id → what the tubes of an older copy of the module give
function registry.import(older)
    left = older
end

---Leaves all tubes: waits end, the rows stay.
function registry.stop()
    durable.stop()
    timer.stop()
    abilities.each('stop', function(name, cause)
        log.error('tarantella: end of %s: %s', name, tostring(cause))
    end)
    for _, tube in pairs(table.copy(tubes)) do
        leave(tube)
    end
end

return registry
