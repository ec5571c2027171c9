-- The volatile side of one tube: which task is ready, due, buried or taken, in
-- which order and by whom. Knows no space and no clock; rebuilt by a scan.
--
--   add → READY | DELAYED | BURIED            lease: READY → TAKEN
--   unlink → (busy, a commit is under way) → settle | relink | forget
--
-- An unlinked record is in no heap, so nobody is given it; it still counts in its
-- old state, and a taken one still belongs to its owner, until its commit is known.

local nodes = require('tarantella.schedule.nodes')
local heap = require('tarantella.schedule.heap')
local idmap = require('tarantella.schedule.idmap')
local owners = require('tarantella.schedule.owners')
local ready = require('tarantella.schedule.ready')

local DOUBLES, CELLS = nodes.DOUBLES, nodes.CELLS
local ID, KEY, DUE = nodes.ID, nodes.KEY, nodes.DUE
local POS, STATE, OWNER = nodes.POS, nodes.STATE, nodes.OWNER

-- The low bits of STATE, and its flags.
-- A WAITING record is in no heap: nothing but a word makes it ready.
local READY, DELAYED, BURIED, TAKEN, WAITING, STATES = 1, 2, 3, 4, 5, 7
local BUSY = 8         -- unlinked
local DELIVERED = 16   -- was taken since the schedule was built
local EXPIRED = 32     -- its life is over, it waits for its deletion

local LETTERS = { [READY] = 'r', [DELAYED] = '~', [BURIED] = '!', [TAKEN] = 't', [WAITING] = 'w' }
local schedule = {
    READY = READY, DELAYED = DELAYED, BURIED = BURIED, TAKEN = TAKEN, WAITING = WAITING, LETTERS = LETTERS,
}
local Schedule = {}
Schedule.__index = Schedule

---@param on_nearer function|nil called as (due_us, is_lease) when a due time becomes the nearest of its kind
---@param expected integer|nil how many tasks will be added at once
---@param o table|nil { lane_limit = taken tasks of a lane, keeps = whether to remember what a lease replaces }
function schedule.new(on_nearer, expected, o)
    local slab = nodes.new()
    return setmetatable({
        slab = slab,
        ids = idmap.new(slab, expected),
        ready = ready.new(slab, o and o.lane_limit or 1),
        buried = heap.new(slab, KEY, POS),
        dues = heap.new(slab, DUE, nodes.DUE_POS),
        leases = heap.new(slab, DUE, nodes.DUE_POS),
        over = heap.new(slab, DUE, nodes.DUE_POS), -- lives that have ended
        owners = owners.new(slab),
        kept = o and o.keeps and {} or nil, -- id → { priority, end of life } of a taken task
        last_token = {},  -- id → token of a lease that ran out or lost its session
        busy = 0,         -- unlinked records
        count = { [READY] = 0, [DELAYED] = 0, [BURIED] = 0, [TAKEN] = 0, [WAITING] = 0 },
        on_nearer = on_nearer or function() end,
    }, Schedule)
end

local function set_state(self, n, state)
    local u = self.slab.u
    local cell = n * CELLS + STATE
    local old = bit.band(u[cell], STATES)
    if old ~= 0 then
        self.count[old] = self.count[old] - 1
    end
    if state ~= 0 then
        self.count[state] = self.count[state] + 1
    end
    u[cell] = bit.bor(bit.band(u[cell], DELIVERED), state)
end

local function flag(self, n, bits)
    local u = self.slab.u
    u[n * CELLS + STATE] = bit.bor(u[n * CELLS + STATE], bits)
end

local function has(self, n, bits)
    return bit.band(self.slab.u[n * CELLS + STATE], bits) ~= 0
end

local function push_due(self, n, to)
    local due = self.slab.d[n * DOUBLES + DUE]
    if due == 0 then
        return
    end
    to:push(n)
    if to:top() == n then
        self.on_nearer(due, to == self.leases)
    end
end

-- Puts a record into the structures of its state.
local function link(self, n)
    local state = self:state(n)
    if state == TAKEN then
        push_due(self, n, self.leases)
        return
    elseif has(self, n, EXPIRED) then
        push_due(self, n, self.over)
        return
    end
    if state == READY then
        self.ready:add(n)
    elseif state == BURIED then
        self.buried:push(n)
    end
    push_due(self, n, self.dues)
end

---@param due number microseconds: the end of the delay or of the life, 0 for none
---@param lane string|nil
---@return integer record
function Schedule:add(id, state, pri, due, lane)
    local n = self.slab:alloc()
    local d = self.slab.d
    d[n * DOUBLES + ID], d[n * DOUBLES + KEY], d[n * DOUBLES + DUE] = id, pri, due
    self.ids:add(n)
    self.ready:bind(n, lane)
    set_state(self, n, state)
    link(self, n)
    return n
end

---@return integer record, 0 if there is no such task
function Schedule:find(id)
    return self.ids:find(id)
end

function Schedule:state(n)
    local state = bit.band(self.slab.u[n * CELLS + STATE], STATES)
    return state
end

---@return string as replies carry it
function Schedule:letter(n)
    return LETTERS[self:state(n)]
end

function Schedule:id(n)
    return self.slab.d[n * DOUBLES + ID]
end

function Schedule:pri(n)
    return self.slab.d[n * DOUBLES + KEY]
end

function Schedule:due(n)
    return self.slab.d[n * DOUBLES + DUE]
end

function Schedule:is_busy(n)
    return has(self, n, BUSY)
end

function Schedule:was_delivered(n)
    return has(self, n, DELIVERED)
end

---Owner number and token of a taken record.
function Schedule:lease_of(n)
    return self.slab.u[n * CELLS + OWNER], self.slab.d[n * DOUBLES + KEY]
end

-- Who leaves its owner is not taken any more.
local function leave_owner(self, n)
    if self.kept ~= nil then
        self.kept[self:id(n)] = nil
    end
    self.owners:leave(n)
    self.ready:vacate(n)
end

---Takes a record out of all order while a commit decides its fate.
function Schedule:unlink(n)
    local state = self:state(n)
    if state == TAKEN then
        self.leases:remove(n)
    elseif has(self, n, EXPIRED) then
        self.over:remove(n)
    else
        if state == READY then
            self.ready:remove(n)
        elseif state == BURIED then
            self.buried:remove(n)
        end
        self.dues:remove(n)
    end
    flag(self, n, BUSY)
    self.busy = self.busy + 1
end

---Undoes `unlink`, for a commit that failed.
---@param due number|nil a due time to try again at
function Schedule:relink(n, due)
    local d, u = self.slab.d, self.slab.u
    d[n * DOUBLES + DUE] = due or d[n * DOUBLES + DUE]
    u[n * CELLS + STATE] = bit.band(u[n * CELLS + STATE], bit.bnot(BUSY))
    self.busy = self.busy - 1
    link(self, n)
end

---Gives an unlinked record its new state: READY, DELAYED or BURIED.
function Schedule:settle(n, state, pri, due)
    if self:state(n) == TAKEN then
        leave_owner(self, n)
    end
    local d = self.slab.d
    d[n * DOUBLES + KEY], d[n * DOUBLES + DUE] = pri, due
    self.busy = self.busy - 1
    set_state(self, n, state)
    link(self, n)
end

---Drops an unlinked record: the task is gone.
function Schedule:forget(n)
    if self:state(n) == TAKEN then
        leave_owner(self, n)
    end
    local id = self:id(n)
    self.last_token[id] = nil
    self.busy = self.busy - 1
    set_state(self, n, 0)
    self.ready:unbind(n)
    self.ids:remove(id)
    self.slab:release(n)
end

---@param lane string|nil only of this lane
---@return integer the ready record that is next, 0 for none; its life may be over, see `mark_expired`
function Schedule:next_ready(lane)
    local n = lane ~= nil and self.ready:top_of(lane) or self.ready:top()
    return n
end

function Schedule:available()
    return self.ready:available()
end

---Takes a ready or buried record whose life is over out of sight, until it is deleted.
function Schedule:mark_expired(n)
    if has(self, n, EXPIRED) then
        return
    elseif self:state(n) == READY then
        self.ready:remove(n)
    else
        self.buried:remove(n)
    end
    self.dues:remove(n)
    flag(self, n, EXPIRED)
    push_due(self, n, self.over)
end

---Gives a ready record to an owner.
---@param ends number monotonic microseconds, 0 for a lease without end
function Schedule:lease(n, owner, token, ends)
    -- In this order a full lane exposes no successor that it would hide again.
    self.ready:occupy(n)
    if has(self, n, EXPIRED) then
        self.over:remove(n)
    else
        self.ready:remove(n)
        self.dues:remove(n)
    end
    local d = self.slab.d
    if self.kept ~= nil then
        self.kept[d[n * DOUBLES + ID]] = { d[n * DOUBLES + KEY], d[n * DOUBLES + DUE] }
    end
    d[n * DOUBLES + KEY], d[n * DOUBLES + DUE] = token, ends
    set_state(self, n, TAKEN)
    flag(self, n, DELIVERED)
    self.owners:join(n, owner)
    push_due(self, n, self.leases)
    local id = d[n * DOUBLES + ID]
    if self.last_token[id] ~= nil then self.last_token[id] = nil end
end

---Moves the end of a lease.
function Schedule:extend(n, ends)
    self.leases:remove(n)
    self.slab.d[n * DOUBLES + DUE] = ends
    push_due(self, n, self.leases)
end

---Ends a lease that nobody ended by word: its token still opens a late ack.
---@param due number end of the task's life, 0 for none
function Schedule:lapse(n, pri, due)
    local token = self.slab.d[n * DOUBLES + KEY]
    self:give_back(n, pri, due)
    self.last_token[self:id(n)] = token
end

---Undoes `lease`, for a take that came to nothing.
function Schedule:give_back(n, pri, due)
    self:unlink(n)
    self:settle(n, READY, pri, due)
end

---@return integer tasks in any state
function Schedule:total()
    return self.slab.count
end

return schedule
