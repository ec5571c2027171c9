-- The table that users hold. Until the instance may write for the first time it has
-- little; then it has all of the api. So `require` may stand before box.cfg{}, and
-- the queue is there as soon as box.cfg{} has returned, without a wrapper around it.
--
-- A newer copy of the module fills the same table anew, see handover.lua.

local api = require('tarantella.api.api')
local errors = require('tarantella.errors')
local handles = require('tarantella.api.handles')
local role = require('tarantella.role')

local EARLY = { 'cfg', 'driver', 'health', 'register_driver', 'state', '_VERSION' }

local front = {}

local held = {}

local function open()
    setmetatable(held, nil)
    for name, value in pairs(api) do
        held[name] = value
    end
end

local early_mt = {
    __index = function(_, name)
        if role.ensure() then
            open()
        elseif not api.cfg.in_replicaset then
            errors.raise('QUEUE_NOT_RUNNING', 'Please configure box.cfg{} in read/write mode first')
        end
        -- On a replica the functions are there and say that the queue is not running.
        return api[name]
    end,
}

local function close()
    for name in pairs(held) do
        held[name] = nil
    end
    for _, name in ipairs(EARLY) do
        held[name] = api[name]
    end
    setmetatable(held, early_mt)
end
close()

---@return table what `require` gives
function front.table()
    return held
end

---@return table for `import` of a newer copy of the module
function front.export()
    return { held = held, handles = handles.all(), has_run = role.has_run() }
end

---Goes on with the tables that users of the older copy hold.
function front.import(older)
    held = older.held
    handles.import(older.handles)
    close()
    if older.has_run then
        open()
    end
end

return front
