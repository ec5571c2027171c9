-- Takes that wait for a task, and puts that wait for room: first come, first served.
--
-- A change wakes as many of them as can be served and leaves them in the line; a
-- woken one takes when it runs, so tasks that become ready in one turn of the
-- event loop are shared out in as few replies as they fit in.

local fiber = require('fiber')

local waiters = {}
local Waiters = {}
Waiters.__index = Waiters

---@param total table|nil { n, promised } of all lines that share it
function waiters.new(total)
    return setmetatable({
        first = nil, last = nil, n = 0,
        promised = 0, -- tasks that the woken ones could take
        total = total or { n = 0, promised = 0 },
    }, Waiters)
end

---@param owner table whose take waits
---@param want integer how many tasks it can use
---@param ahead boolean|nil at the head of the line, for one that was woken in vain
---@param group table|nil of one that stands in several lines, see `waiters.group`
function Waiters:add(owner, want, ahead, group)
    local waiter = {
        owner = owner, want = want, cond = group ~= nil and group.cond or fiber.cond(),
        woken = false, ended = false, group = group,
    }
    if self.first == nil then
        self.first, self.last = waiter, waiter
    elseif ahead then
        waiter.next, self.first.prev = self.first, waiter
        self.first = waiter
    else
        waiter.prev, self.last.next = self.last, waiter
        self.last = waiter
    end
    self.n, self.total.n = self.n + 1, self.total.n + 1
    return waiter
end

local function unpromise(self, waiter)
    if waiter.woken then
        self.promised, self.total.promised = self.promised - waiter.want, self.total.promised - waiter.want
    end
end

---The waiter's own fiber calls this, once, when its wait is over.
function Waiters:remove(waiter)
    if waiter.prev ~= nil then
        waiter.prev.next = waiter.next
    else
        self.first = waiter.next
    end
    if waiter.next ~= nil then
        waiter.next.prev = waiter.prev
    else
        self.last = waiter.prev
    end
    self.n, self.total.n = self.n - 1, self.total.n - 1
    unpromise(self, waiter)
end

---What was promised to a waiter is so no more; it can be woken again, in its place.
function Waiters:rearm(waiter)
    unpromise(self, waiter)
    waiter.woken = false
end

---Wakes the longest waiting as far as `available` tasks reach. One that another line has
---woken is passed: it looks at all of its lines when it runs.
function Waiters:wake(available)
    local waiter = self.first
    while waiter ~= nil and self.promised < available do
        local group = waiter.group
        if not waiter.woken and (group == nil or not group.woken) then
            waiter.woken = true
            if group ~= nil then
                group.woken = true
            end
            self.promised = self.promised + waiter.want
            self.total.promised = self.total.promised + waiter.want
            waiter.cond:signal()
        end
        waiter = waiter.next
    end
end

---Ends a wait without a task.
function Waiters:finish(waiter) -- luacheck: no self
    waiter.ended = true
    if waiter.group ~= nil then
        waiter.group.ended = true
    end
    waiter.cond:signal()
end

function Waiters:finish_all()
    local waiter = self.first
    while waiter ~= nil do
        self:finish(waiter)
        waiter = waiter.next
    end
end

---@return table what the waiters of one fiber in several lines share; it is parked itself
function waiters.group()
    return { cond = fiber.cond(), woken = false, ended = false }
end

---Sleeps until the waiter is woken or ended, or until a moment of fiber.clock().
function waiters.park(waiter, deadline)
    while not waiter.woken and not waiter.ended do
        local rest = deadline - fiber.clock()
        if rest <= 0 then
            return
        end
        waiter.cond:wait(rest)
        fiber.testcancel()
    end
end

return waiters
