-- The records of scheduled tasks, in memory that is not LuaJIT's: a million Lua tables
-- stop the collector's world.
--
-- A record is 48 bytes, six doubles, of which the last three hold six 32-bit cells:
--
--   d: | ID | KEY | DUE |     .     |     .     |     .     |
--   u:                  | POS | DUE_POS | LANE | LANE_POS | NEXT | STATE |
--
-- KEY      priority while the task waits, token of the delivery while it is taken
-- DUE      microseconds of its next timed event (0: none); on the wall clock while
--          it waits, on the monotonic clock while it is taken
-- POS      place in the ready or buried heap; taken: previous record of its owner
-- DUE_POS  place in the heap of due times or of lease ends
-- LANE     number of its lane, 0 for none
-- LANE_POS place in its lane's heap; taken: number of the owner
-- NEXT     taken: next record of its owner; free: next free record
-- STATE    state and flags, see schedule.lua
--
-- Places count from 1, and 0 means "in no heap". Record 0 is never used.
-- `d` and `u` move when the slab grows: never keep them over a call of `alloc`.

local ffi = require('ffi')
local memory = require('tarantella.schedule.memory')

local DOUBLES, CELLS = 6, 12
local FIRST_CAPACITY = 64

local nodes = {
    DOUBLES = DOUBLES, CELLS = CELLS,
    ID = 0, KEY = 1, DUE = 2,
    POS = 6, DUE_POS = 7, LANE = 8, LANE_POS = 9, NEXT = 10, STATE = 11,
    PREV = 6, OWNER = 9,
}

local Nodes = {}
Nodes.__index = Nodes

function nodes.new()
    return setmetatable({ block = memory.new(), d = nil, u = nil, capacity = 0, used = 0, free = 0, count = 0 }, Nodes)
end

local function grow(self)
    local capacity = self.capacity == 0 and FIRST_CAPACITY or math.floor(self.capacity * 1.5)
    memory.grow(self.block, capacity * DOUBLES * 8)
    self.d = ffi.cast('double *', self.block.at)
    self.u = ffi.cast('uint32_t *', self.block.at)
    self.capacity = capacity
end

---@return integer number of a cleared record
function Nodes:alloc()
    local n = self.free
    if n ~= 0 then
        self.free = self.u[n * CELLS + nodes.NEXT]
    else
        n = self.used + 1
        if n >= self.capacity then
            grow(self)
        end
        self.used = n
    end
    ffi.fill(self.d + n * DOUBLES, DOUBLES * 8)
    self.count = self.count + 1
    return n
end

function Nodes:release(n)
    self.u[n * CELLS + nodes.STATE] = 0
    self.u[n * CELLS + nodes.NEXT] = self.free
    self.free = n
    self.count = self.count - 1
end

return nodes
