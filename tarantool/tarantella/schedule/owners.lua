-- Who holds which taken records: a doubly linked list per owner, in the records' own
-- cells, so that a session's end finds its tasks and each of them leaves in O(1).

local nodes = require('tarantella.schedule.nodes')

local CELLS, PREV, NEXT, OWNER = nodes.CELLS, nodes.PREV, nodes.NEXT, nodes.OWNER

-- `NOBODY` has the tasks whose leases have ended and whose rows are still to be told.
local owners = { NOBODY = 4294967295 }
local Owners = {}
Owners.__index = Owners

---@param slab table nodes.new()
function owners.new(slab)
    -- held: owner number → first record of its list
    return setmetatable({ slab = slab, held = {} }, Owners)
end

function Owners:join(n, owner)
    local u = self.slab.u
    local first = self.held[owner] or 0
    u[n * CELLS + OWNER], u[n * CELLS + PREV], u[n * CELLS + NEXT] = owner, 0, first
    if first ~= 0 then
        u[first * CELLS + PREV] = n
    end
    self.held[owner] = n
end

function Owners:leave(n)
    local u = self.slab.u
    local owner, before, after = u[n * CELLS + OWNER], u[n * CELLS + PREV], u[n * CELLS + NEXT]
    if before ~= 0 then
        u[before * CELLS + NEXT] = after
    elseif after ~= 0 then
        self.held[owner] = after
    else
        self.held[owner] = nil
    end
    if after ~= 0 then
        u[after * CELLS + PREV] = before
    end
    u[n * CELLS + PREV], u[n * CELLS + NEXT], u[n * CELLS + OWNER] = 0, 0, 0
end

---@return integer first record of an owner, 0 for none
function Owners:first_of(owner)
    return self.held[owner] or 0
end

---@return integer the next record of the same owner, 0 at the end
function Owners:next_of(n)
    return self.slab.u[n * CELLS + NEXT]
end

return owners
