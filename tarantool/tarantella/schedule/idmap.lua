-- Task id → record: open addressing with linear probing, 4 bytes a slot.
--
-- A slot holds a record's number (0: empty); the key is read from the record.
-- Deletion shifts the followers back, so there are no tombstones to pile up.

local ffi = require('ffi')
local memory = require('tarantella.schedule.memory')
local nodes = require('tarantella.schedule.nodes')

local DOUBLES, ID = nodes.DOUBLES, nodes.ID
local FIRST_BITS = 6
-- Grows above 3/4 full.
local FULL = 0.75

local idmap = {}
local Idmap = {}
Idmap.__index = Idmap

local function reset(self, bits)
    local size = bit.lshift(1, bits)
    self.block = memory.new()
    memory.grow(self.block, size * 4)
    ffi.fill(self.block.at, size * 4)
    self.slots = ffi.cast('uint32_t *', self.block.at)
    self.mask, self.shift, self.bits = size - 1, 32 - bits, bits
    self.limit = math.floor(size * FULL)
end

---@param expected integer|nil entries to make room for, to spare the growing
function idmap.new(slab, expected)
    local self = setmetatable({ slab = slab, n = 0 }, Idmap)
    local bits = FIRST_BITS
    while bit.lshift(1, bits) * FULL < (expected or 0) do
        bits = bits + 1
    end
    reset(self, bits)
    return self
end

-- Fibonacci hashing in two pieces whose products stay below 2^51, up to where
-- bit.tobit is exact; neighbouring ids land far apart.
local function slot_of(id, shift)
    local high = math.floor(id / 262144)
    local low = id - high * 262144
    local mixed = bit.bxor(bit.tobit(low * 2654435769), bit.tobit(high * 40503))
    local slot = bit.rshift(mixed, shift)
    return slot
end

-- The first empty slot from `at`, which is taken. Loops stand apart from the usual
-- case, so that the JIT compiles that one whole.
local function probe_empty(slots, mask, at)
    repeat
        at = bit.band(at + 1, mask)
    until slots[at] == 0
    return at
end

local function insert(self, n, id)
    local slots = self.slots
    local at = slot_of(id, self.shift)
    if slots[at] ~= 0 then
        at = probe_empty(slots, self.mask, at)
    end
    slots[at] = n
end

local function double(self)
    local old_block, old, size = self.block, self.slots, self.mask + 1
    reset(self, self.bits + 1)
    local d = self.slab.d
    for at = 0, size - 1 do
        local n = old[at]
        if n ~= 0 then
            insert(self, n, d[n * DOUBLES + ID])
        end
    end
    -- At once, and not when the collector comes by. Until here it keeps `old` good.
    memory.release(old_block)
end

---The id must not be in the map yet.
function Idmap:add(n)
    if self.n >= self.limit then
        double(self)
    end
    insert(self, n, self.slab.d[n * DOUBLES + ID])
    self.n = self.n + 1
end

-- The slot of an id that does not stand in its own slot `at`, or the empty one that ends the search.
local function probe_id(slots, mask, d, at, id)
    local n
    repeat
        at = bit.band(at + 1, mask)
        n = slots[at]
    until n == 0 or d[n * DOUBLES + ID] == id
    return at
end

---@return integer record, 0 when the id is unknown
function Idmap:find(id)
    local slots, d = self.slots, self.slab.d
    local at = slot_of(id, self.shift)
    local n = slots[at]
    if n == 0 or d[n * DOUBLES + ID] == id then
        return n
    end
    return slots[probe_id(slots, self.mask, d, at, id)]
end

-- Closes a hole: a follower moves into it unless its own slot lies behind it.
local function shift_back(self, hole)
    local slots, mask, d, shift = self.slots, self.mask, self.slab.d, self.shift
    local at = bit.band(hole + 1, mask)
    local n = slots[at]
    while n ~= 0 do
        local home = slot_of(d[n * DOUBLES + ID], shift)
        if bit.band(at - home, mask) >= bit.band(at - hole, mask) then
            slots[hole] = n
            hole = at
        end
        at = bit.band(at + 1, mask)
        n = slots[at]
    end
    slots[hole] = 0
end

---The id must be in the map.
function Idmap:remove(id)
    local slots, mask, d = self.slots, self.mask, self.slab.d
    local at = slot_of(id, self.shift)
    if d[slots[at] * DOUBLES + ID] ~= id then
        at = probe_id(slots, mask, d, at, id)
    end
    if slots[bit.band(at + 1, mask)] == 0 then
        slots[at] = 0
    else
        shift_back(self, at)
    end
    self.n = self.n - 1
end

return idmap
