-- Tells a tube's `on_task_change` function what happened to its tasks, after the commit.
--
-- It runs in a fiber of its own: it may yield, an error of it is logged, and neither
-- holds up who made the change. One that does not yield has run when the call returns.

local fiber = require('fiber')
local log = require('log')
local const = require('tarantella.const')

local watcher = {}

---Notes an event. Only for a tube that has an `on_change`.
---@param task box.tuple [id, state, data]
---@param event string put, take, release, bury, kick, touch, delete (an ack too), ttl, ttr or delay
function watcher.note(tube, task, event)
    local events = tube.events
    if events.last - events.first >= const.MAX_EVENTS then
        if events.dropped == 0 then
            log.warn('tarantella: on_task_change of tube %s is too slow: it misses changes', tube.name)
        end
        events.dropped = events.dropped + 1
        return
    end
    events.last = events.last + 1
    events[events.last] = { task, event }
end

local function tell(tube)
    fiber.name('tarantella_change', { truncate = true })
    local events = tube.events
    while events.first < events.last do
        events.first = events.first + 1
        local event = events[events.first]
        events[events.first] = nil
        local ok, cause = pcall(tube.on_change or tostring, event[1], event[2])
        if not ok then
            -- A cancelled fiber ends here.
            fiber.testcancel()
            log.error('tarantella: on_task_change of tube %s: %s', tube.name, tostring(cause))
        end
    end
    if events.dropped > 0 then
        log.warn('tarantella: on_task_change of tube %s missed %d changes', tube.name, events.dropped)
    end
    events.first, events.last, events.dropped, events.is_told = 0, 0, 0, false
end

---Tells what was noted.
---@param later boolean in a trigger of a transaction, where nothing may yield
function watcher.flush(tube, later)
    local events = tube.events
    if events.last == 0 or events.is_told then
        return
    end
    events.is_told = true
    if later then
        fiber.new(tell, tube)
    else
        fiber.create(tell, tube)
    end
end

---@return table where the events of a tube wait
function watcher.events()
    return { first = 0, last = 0, dropped = 0, is_told = false }
end

return watcher
