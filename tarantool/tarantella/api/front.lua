-- The table that users hold. Until the instance may write for the first time it has
-- little; then it has all of the api. So `require` may stand before box.cfg{}, and
-- the queue is there as soon as box.cfg{} has returned, without a wrapper around it.

local api = require('tarantella.api.api')
local errors = require('tarantella.errors')
local role = require('tarantella.role')

local EARLY = { 'cfg', 'driver', 'health', 'register_driver', 'state', '_VERSION' }

local front = {}

local function open()
    setmetatable(front, nil)
    for name, value in pairs(api) do
        front[name] = value
    end
end

for _, name in ipairs(EARLY) do
    front[name] = api[name]
end

setmetatable(front, {
    __index = function(_, name)
        if role.ensure() then
            open()
        elseif not api.cfg.in_replicaset then
            errors.raise('QUEUE_NOT_RUNNING', 'Please configure box.cfg{} in read/write mode first')
        end
        -- On a replica the functions are there and say that the queue is not running.
        return api[name]
    end,
})

return front
