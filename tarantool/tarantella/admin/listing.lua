-- Pages of tasks, and one task with all that is known of it.

local const = require('tarantella.const')
local describe = require('tarantella.admin.describe')
local errors = require('tarantella.errors')
local search = require('tarantella.admin.search')
local slices = require('tarantella.admin.slices')

-- Descriptions between two looks at the clock.
local TASKS_PER_LOOK = 20

local listing = {}

---@param filter table see search.lua
---@param o table as for search.ids, and { preview = bytes|nil }
---@return table {tasks = …, next = id after which the next page begins}
function listing.page(tube, filter, o)
    local ids, cursor = search.ids(tube, filter, o)
    local slice = slices.new()
    local tasks, bytes = setmetatable({}, { __serialize = 'seq' }), 0
    for i, id in ipairs(ids) do
        local tuple = tube.store.pk:get(id)
        -- Only now: for vinyl the read yields.
        local n = tube.sched:find(id)
        if tuple ~= nil and n ~= 0 and filter.states[tube.sched:state(n)] then
            table.insert(tasks, describe.task(tube, n, tuple, o.preview))
            bytes = bytes + (o.preview or tuple:bsize())
        end
        if i < #ids and (bytes >= const.MAX_REPLY_BYTES or i % TASKS_PER_LOOK == 0 and not slice:go_on(tube)) then
            return { tasks = tasks, next = id }
        end
    end
    return { tasks = tasks, next = cursor }
end

---@return table see describe.whole
function listing.get(tube, id)
    local tuple = tube.store.pk:get(id)
    local n = tube.sched:find(id)
    if tuple == nil or n == 0 then
        errors.task_not_found(id)
    end
    return describe.whole(tube, n, tuple)
end

return listing
