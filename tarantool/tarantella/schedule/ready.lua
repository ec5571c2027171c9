-- What a take can have next, with lanes.
--
-- A lane (`utube`) lets at most `limit` of its tasks be taken at a time. Its ready
-- tasks wait in a heap of its own, and only the first of them is exposed in the
-- tube's heap, and only while the lane has room. So a take never looks at a task
-- that it may not have, however many wait behind busy lanes.

local nodes = require('tarantella.schedule.nodes')
local heap = require('tarantella.schedule.heap')

local CELLS, LANE = nodes.CELLS, nodes.LANE

local ready = {}
local Ready = {}
Ready.__index = Ready

---@param slab table nodes.new()
---@param limit integer taken tasks of a lane
function ready.new(slab, limit)
    return setmetatable({
        slab = slab,
        heap = heap.new(slab, nodes.KEY, nodes.POS),
        lanes = {},       -- number → lane
        by_name = {},     -- name → lane
        free_numbers = {},
        limit = limit or 1,
        quota = math.huge, -- takes that the tube lets through now
        gates = nil,      -- name → true of the lanes that let none through, maybe lanes to come
        by_age = nil,     -- all of them in order of id, where that is asked for
        watched = nil,    -- name → what waits for that lane alone
        changed = {},     -- names of watched lanes that have something to take
    }, Ready)
end

-- A lane lives as long as a task refers to it.
local function new_lane(self, name)
    local number = table.remove(self.free_numbers) or #self.lanes + 1
    local lane = {
        number = number, name = name,
        limit = self.limit,
        is_shut = self.gates ~= nil and self.gates[name] ~= nil,
        active = 0,   -- taken
        refs = 0,     -- tasks in any state
        exposed = 0,  -- the record that stands in the tube's heap
        heap = heap.new(self.slab, nodes.KEY, nodes.LANE_POS),
    }
    self.lanes[number] = lane
    self.by_name[name] = lane
    return lane
end

---Binds a new record to a lane; nil for none.
function Ready:bind(n, name)
    if name == nil then
        return
    end
    local lane = self.by_name[name] or new_lane(self, name)
    lane.refs = lane.refs + 1
    self.slab.u[n * CELLS + LANE] = lane.number
end

---Ends the binding of a record that is neither ready nor taken any more.
function Ready:unbind(n)
    local number = self.slab.u[n * CELLS + LANE]
    if number == 0 then
        return
    end
    local lane = self.lanes[number]
    lane.refs = lane.refs - 1
    if lane.refs == 0 then
        self.by_name[lane.name] = nil
        -- `false` keeps the list free of holes, so that its length stays defined.
        self.lanes[number] = false
        table.insert(self.free_numbers, number)
    end
end

---Binds a record that is in no heap to another lane; nil for none.
function Ready:rebind(n, name)
    self:unbind(n)
    self.slab.u[n * CELLS + LANE] = 0
    self:bind(n, name)
end

---@return string|nil name of a record's lane
function Ready:lane_of(n)
    local number = self.slab.u[n * CELLS + LANE]
    return number ~= 0 and self.lanes[number].name or nil
end

-- Restores the invariant: the lane's first task is exposed iff the lane has room and its gate is not shut.
local function expose(self, lane)
    local first = not lane.is_shut and lane.active < lane.limit and lane.heap:top() or 0
    if first == lane.exposed then
        return
    end
    if lane.exposed ~= 0 then
        self.heap:remove(lane.exposed)
    end
    if first ~= 0 then
        self.heap:push(first)
        if self.watched ~= nil and self.watched[lane.name] ~= nil then
            table.insert(self.changed, lane.name)
        end
    end
    lane.exposed = first
end

---From now on `oldest` can be asked; while there are no records yet.
function Ready:keep_oldest()
    -- Only a taken and a free record have a next one.
    self.by_age = heap.new(self.slab, nodes.ID, nodes.NEXT)
end

---@return integer the ready record with the lowest id, 0 if there is none
function Ready:oldest()
    return self.by_age ~= nil and self.by_age:top() or 0
end

function Ready:add(n)
    if self.by_age ~= nil then
        self.by_age:push(n)
    end
    local number = self.slab.u[n * CELLS + LANE]
    if number == 0 then
        self.heap:push(n)
        return
    end
    local lane = self.lanes[number]
    lane.heap:push(n)
    expose(self, lane)
end

function Ready:remove(n)
    if self.by_age ~= nil then
        self.by_age:remove(n)
    end
    local number = self.slab.u[n * CELLS + LANE]
    if number == 0 then
        self.heap:remove(n)
        return
    end
    local lane = self.lanes[number]
    lane.heap:remove(n)
    expose(self, lane)
end

---@param limit integer taken tasks of a lane, from now on
function Ready:set_limit(limit)
    self.limit = limit
    for _, lane in pairs(self.by_name) do
        lane.limit = limit
        expose(self, lane)
    end
end

---Counts a record as taken of its lane.
function Ready:occupy(n)
    local number = self.slab.u[n * CELLS + LANE]
    if number ~= 0 then
        local lane = self.lanes[number]
        lane.active = lane.active + 1
        expose(self, lane)
    end
end

---Ends what `occupy` began.
function Ready:vacate(n)
    local number = self.slab.u[n * CELLS + LANE]
    if number ~= 0 then
        local lane = self.lanes[number]
        lane.active = lane.active - 1
        expose(self, lane)
    end
end

---Opens or shuts a lane.
function Ready:gate(name, is_shut)
    local lane = self.by_name[name]
    if lane ~= nil and lane.is_shut ~= is_shut then
        lane.is_shut = is_shut
        expose(self, lane)
    end
end

---@return integer the record that a take should have, 0 if there is none
function Ready:top()
    if self.quota < 1 then
        return 0
    end
    return self.heap:top()
end

---@return integer the record of one lane that a take should have, 0 if there is none
function Ready:top_of(name)
    local lane = self.by_name[name]
    return lane ~= nil and self.quota >= 1 and lane.exposed or 0
end

---@return integer how many records takes could have at once
function Ready:available()
    return self.quota < self.heap.n and self.quota or self.heap.n
end

return ready
