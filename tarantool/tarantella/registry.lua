-- The tubes by name: made, dropped, and entered or left with the instance's role.

local fiber = require('fiber')
local log = require('log')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local expiry = require('tarantella.expiry')
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

local tubes = {}
local known = {} -- names that `on_tube` was told of
local on_tube = function() end
local is_changing, changed = false, fiber.cond()

---@param fn function(tube, is_there) called when a tube appears, and when it goes for good
function registry.on_tube(fn)
    on_tube = fn
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
    tubes[record.name] = tube
    known[record.name] = true
    on_tube(tube, true)
    return tube
end

local function leave(tube)
    tube:close()
    tubes[tube.name] = nil
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
    local ok, result = pcall(fn, ...)
    is_changing = false
    changed:signal()
    if not ok then
        error(result, 0)
    end
    return result
end

---@param stored table options to store
---@param temporary boolean
---@param if_not_exists boolean gives the tube that stands, as it is
function registry.create(name, kind, stored, temporary, if_not_exists)
    return exclusively(function()
        local tube = tubes[name]
        if tube ~= nil and if_not_exists then
            return tube
        end
        local record = schema.create_tube(name, kind, stored, temporary)
        tube = enter(record, PRESETS[kind])
        tube:load(timer.wall_us())
        return tube
    end)
end

local function drop(tube)
    if tube.is_dropped then
        errors.tube_not_found()
    end
    if tube.waiters.n > 0 then
        errors.raise('TUBE_IN_USE', 'There are consumers connected the tube')
    end
    if tube.sched.count[schedule.TAKEN] > 0 then
        errors.raise('TUBE_IN_USE', 'There are taken tasks in the tube')
    end
    -- New calls find no tube while the space goes; if it stays, the tube is made anew.
    leave(tube)
    local ok, cause = pcall(schema.drop_tube, tube.id, tube.name)
    if not ok then
        local record = box.space[const.TUBE_SPACE]:get(tube.id)
        if record ~= nil then
            enter(record, PRESETS[record.type]):load(timer.wall_us())
        end
        error(cause, 0)
    end
    forget(tube.name)
end

function registry.drop(tube)
    exclusively(drop, tube)
end

-- Ends every lease of an owner, in all tubes.
local function owner_ended(number)
    for _, tube in pairs(table.copy(tubes)) do
        tube:lapse_all(number)
    end
end

---Enters all stored tubes and builds their schedules; on a writable instance.
function registry.start()
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
    timer.start(registry.all, expiry.run, session.expire)
end

---Leaves all tubes: waits end, the rows stay.
function registry.stop()
    timer.stop()
    for _, tube in pairs(table.copy(tubes)) do
        leave(tube)
    end
end

return registry
