-- How fast a tube and its lanes may give tasks away: pauses, and rates that all workers
-- share. What may not be taken yet waits in the schedule, out of sight of takes.
--
--   the tube   its ready list has a quota: the takes that its rate lets through now, 0 while
--              it is paused
--   a lane     its gate is shut while it is paused, or until its rate lets the next take
--              through; the gates' moments stand in a heap that the timer looks at
--
-- A rate counts takes. Its buckets are this process's: a restart empties them, and so lets
-- one burst more through. A lane's bucket is kept until it is idle, with or without tasks.

local const = require('tarantella.const')
local bucket = require('tarantella.schedule.bucket')
local moments = require('tarantella.schedule.moments')
local timer = require('tarantella.timer')

-- Idle buckets go in crowds, by the second.
local IDLE_STEP_MS = 1000

local flow = {}
local Flow = {}
Flow.__index = Flow

---@param tube table that has none yet
function flow.new(tube)
    local self = setmetatable({
        tube = tube,
        is_paused = false,
        rate = nil, each = nil,     -- limits, see bucket.lua: of the tube, of every lane
        lanes = {}, lane_count = 0, -- lane → { is_paused, rate }
        bucket = nil, opens = nil,  -- of the tube; the moment at which its quota is above 0 again
        buckets = {},               -- lane → { name, excess, last, due, is_shut }
        moments = moments.new(),
        gates = {},                 -- names of the lanes whose gate is shut
        shut = 0,                   -- those among them that wait for their rate
    }, Flow)
    return self
end

local function now_ms()
    return math.floor(timer.monotonic_us() / 1000)
end

local function limit_of(self, name)
    local own = self.lanes[name]
    return own ~= nil and own.rate or self.each
end

local function set_gate(self, name)
    local own, of = self.lanes[name], self.buckets[name]
    local is_shut = own ~= nil and own.is_paused or of ~= nil and of.is_shut
    self.gates[name] = is_shut or nil
    self.tube.sched.ready:gate(name, is_shut)
end

local function set_quota(self, now)
    local quota = math.huge
    self.opens = nil
    if self.is_paused then
        quota = 0
    elseif self.rate ~= nil then
        quota = bucket.allowance(self.bucket, self.rate, now)
        if quota == 0 then
            self.opens = bucket.opens(self.bucket, self.rate)
            timer.nudge(self.opens * 1000, true)
        end
    end
    self.tube.sched.ready.quota = quota
end

local function set_shut(self, of, is_shut)
    if of.is_shut ~= is_shut then
        of.is_shut = is_shut
        self.shut = self.shut + (is_shut and 1 or -1)
        set_gate(self, of.name)
    end
end

local function forget(self, of)
    self.moments:remove(of)
    self.buckets[of.name] = nil
    if of.is_shut then
        self.shut = self.shut - 1
        set_gate(self, of.name)
    end
end

-- The bucket of a lane that is taken from. Too many active ones let the one go that would
-- be forgotten first.
local function bucket_of(self, name, now)
    local of = self.buckets[name]
    if of == nil then
        if self.moments.n >= const.MAX_BUCKETS then
            forget(self, self.moments:top())
        end
        of = bucket.new(now)
        of.name, of.is_shut, of.due = name, false, now + IDLE_STEP_MS
        self.buckets[name] = of
        self.moments:push(of)
    end
    return of
end

-- Shuts a lane that may give nothing until the moment that its limit says.
local function weigh(self, of, limit, now)
    if bucket.allowance(of, limit, now) >= 1 then
        set_shut(self, of, false)
        return
    end
    local opens = bucket.opens(of, limit)
    if opens < of.due then
        of.due = opens
        self.moments:move(of)
    end
    timer.nudge(opens * 1000, true)
    set_shut(self, of, true)
end

---Counts the take of a record, which is about to be leased.
function Flow:admit(sched, n)
    local now = now_ms()
    if self.rate ~= nil then
        bucket.add(self.bucket, self.rate, now)
        set_quota(self, now)
    end
    local name = sched.ready:lane_of(n)
    local limit = name ~= nil and limit_of(self, name) or nil
    if limit ~= nil then
        local of = bucket_of(self, name, now)
        bucket.add(of, limit, now)
        weigh(self, of, limit, now)
    end
end

-- A bucket at the top of the heap: opens its lane, lets it go, or says when to look again.
local function review(self, of, now)
    local limit = limit_of(self, of.name)
    local idles = limit ~= nil and bucket.idles(of, limit) or 0
    if idles <= now then
        forget(self, of)
        return
    end
    set_shut(self, of, bucket.allowance(of, limit, now) < 1)
    of.due = of.is_shut and bucket.opens(of, limit) or math.ceil(idles / IDLE_STEP_MS) * IDLE_STEP_MS
    self.moments:move(of)
end

local function serve(self)
    local tube = self.tube
    for name in pairs(tube.lines) do
        tube:serve_lane(name)
    end
    tube:serve()
end

---Opens what may be taken from again; a bounded part of it.
---@return number|nil seconds until the next moment
function Flow:run()
    local now_us = timer.monotonic_us()
    local now = math.floor(now_us / 1000)
    if self.opens ~= nil and self.opens <= now then
        set_quota(self, now)
        serve(self)
    end
    local heap, steps = self.moments, 0
    local top = heap:top()
    while top ~= nil and top.due <= now and steps < const.SLICE_STEPS do
        review(self, top, now)
        top = heap:top()
        steps = steps + 1
    end
    if steps > 0 then
        self.tube:serve()
    end
    local due = math.min(self.opens or math.huge, top ~= nil and top.due or math.huge)
    return due < math.huge and math.max(0, due * 1000 - now_us) / const.MICRO or nil
end

---Gives the gates to a schedule that has been built anew.
function Flow:bind(sched)
    sched.ready.gates = self.gates
    for name in pairs(self.gates) do
        sched.ready:gate(name, true)
    end
    set_quota(self, now_ms())
end

---Sets the tube's own settings.
---@param rate table|nil limit
function Flow:set_tube(is_paused, rate)
    local now = now_ms()
    if self.rate ~= nil then
        bucket.settle(self.bucket, self.rate, now)
    end
    self.is_paused, self.rate = is_paused, rate
    self.bucket = rate ~= nil and (self.bucket or bucket.new(now)) or nil
    set_quota(self, now)
    serve(self)
end

---Sets the limit of every lane that has none of its own.
---@param rate table|nil limit
function Flow:set_each(rate)
    local now = now_ms()
    -- They are weighed anew by the timer, some at a time.
    for _, of in ipairs(self.moments) do
        local limit = limit_of(self, of.name)
        if limit ~= nil then
            bucket.settle(of, limit, now)
        end
        of.due = 0
    end
    self.each = rate
    timer.kick()
end

---Sets what one lane has of its own.
---@param rate table|nil limit
function Flow:set_lane(name, is_paused, rate)
    local before, limit, now = self.lanes[name], limit_of(self, name), now_ms()
    local of = self.buckets[name]
    if of ~= nil and limit ~= nil then
        bucket.settle(of, limit, now)
    end
    local after = (is_paused or rate ~= nil) and { is_paused = is_paused, rate = rate } or nil
    self.lane_count = self.lane_count + (after and 1 or 0) - (before and 1 or 0)
    self.lanes[name] = after
    if of ~= nil then
        review(self, of, now)
        timer.kick()
    end
    set_gate(self, name)
    self.tube:serve()
end

---@return boolean whether anything is set
function Flow:is_needed()
    return self.is_paused or self.rate ~= nil or self.each ~= nil or self.lane_count > 0
end

---Takes all of its gates away.
function Flow:unbind()
    local ready = self.tube.sched.ready
    for name in pairs(self.gates) do
        ready:gate(name, false)
    end
    ready.gates, ready.quota = nil, math.huge
    serve(self)
end

---@return table the buckets, for a newer copy of the module
function Flow:export()
    local all = { tube = self.bucket, lanes = {} }
    for name, of in pairs(self.buckets) do
        all.lanes[name] = { excess = of.excess, last = of.last }
    end
    return all
end

---Goes on with the buckets of an older copy of the module.
function Flow:import(older)
    local now = now_ms()
    if self.bucket ~= nil and older.tube ~= nil then
        self.bucket.excess, self.bucket.last = older.tube.excess, older.tube.last
        set_quota(self, now)
    end
    for name, was in pairs(older.lanes) do
        local of = bucket_of(self, name, now)
        of.excess, of.last = was.excess, was.last
        review(self, of, now)
    end
end

return flow
