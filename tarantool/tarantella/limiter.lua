-- Leaky buckets that all clients share: nginx's limit_req, by this instance's clock.
--
--   zone (by name): keys → entries, and a heap of them by the time from which they are idle
--   entry: excess, thousandths of a call above the rate; last, the ms of the last grant
--
-- A call that is let through raises the key's excess by 1000, and time lowers it at the
-- rate; above the burst a call is refused and changes nothing. A key whose excess has run
-- out is idle: forgetting it changes no later answer, so idle keys, and only they, make
-- room for new ones. With every key of a full zone active, a new key is refused.
--
-- The state is volatile on purpose: to write every decision would cost more than what is
-- limited, and what a restart can let through is one burst a key. Nothing here yields, so
-- calls decide one after the other.

local clock = require('clock')
local errors = require('tarantella.errors')

-- Some 200 bytes of Lua's memory each, of all zones together.
local MAX_KEYS = 1000000
local MAX_ZONES = 1000

local limiter = {}

local Limiter = {}
Limiter.__index = Limiter

---@param now function|nil milliseconds of a clock that never steps; that of the system
---@param max_keys integer|nil of all zones together
function limiter.new(now, max_keys)
    return setmetatable({
        now = now or function() return math.floor(clock.monotonic() * 1000) end,
        max_keys = max_keys or MAX_KEYS,
        zones = {}, zone_count = 0, key_count = 0,
    }, Limiter)
end

-- An entry's `due` is the idle time by which it stands in the heap. It is behind the true
-- one, `idle_at`, until the entry comes to the top: a grant need not move it.
local function rise(heap, at)
    local entry = heap[at]
    while at > 1 do
        local up = bit.rshift(at, 1)
        if heap[up].due <= entry.due then
            break
        end
        heap[at] = heap[up]
        at = up
    end
    heap[at] = entry
end

local function sink(heap, at)
    local entry, n = heap[at], #heap
    while true do
        local child = at * 2
        if child > n then
            break
        end
        if child < n and heap[child + 1].due < heap[child].due then
            child = child + 1
        end
        if entry.due <= heap[child].due then
            break
        end
        heap[at] = heap[child]
        at = child
    end
    heap[at] = entry
end

-- Puts the entry that is idle first at the top.
local function settle_top(heap)
    while heap[1].due < heap[1].idle_at do
        heap[1].due = heap[1].idle_at
        sink(heap, 1)
    end
    return heap[1]
end

function Limiter:forget_first(zone)
    local heap = zone.heap
    zone.entries[heap[1].key] = nil
    local last = table.remove(heap)
    if #heap > 0 then
        heap[1] = last
        sink(heap, 1)
    end
    self.key_count = self.key_count - 1
end

-- Two idle keys go for each that comes, so that a zone shrinks again after a storm.
function Limiter:forget_idle(zone, now)
    for _ = 1, 2 do
        if #zone.heap == 0 or settle_top(zone.heap).idle_at > now then
            return
        end
        self:forget_first(zone)
    end
end

-- Room among all zones' keys; rare, for it looks at each zone. The zone `kept` is about to get a key.
function Limiter:sweep(now, kept)
    for name, zone in pairs(self.zones) do
        self:forget_idle(zone, now)
        if #zone.heap == 0 and zone ~= kept then
            self.zones[name] = nil
            self.zone_count = self.zone_count - 1
        end
    end
end

function Limiter:zone(name, now)
    local zone = self.zones[name]
    if zone == nil then
        if self.zone_count >= MAX_ZONES then
            self:sweep(now)
            if self.zone_count >= MAX_ZONES then
                errors.raise('QUEUE_FULL', ('%d limiters are in use already'):format(self.zone_count))
            end
        end
        zone = { entries = {}, heap = {} }
        self.zones[name] = zone
        self.zone_count = self.zone_count + 1
    end
    return zone
end

-- When an entry with this excess changes no answer any more.
local function idle_time(now, excess, rate)
    return now + math.ceil((excess + 1000) * 1000 / rate)
end

-- The first call of a key; a full zone refuses it until a key of it is idle.
function Limiter:begin(zone, key, limit, now)
    self:forget_idle(zone, now)
    if self.key_count >= self.max_keys then
        self:sweep(now, zone)
    end
    if #zone.heap >= limit.size or self.key_count >= self.max_keys then
        local wait = #zone.heap > 0 and settle_top(zone.heap).idle_at - now or 1000
        return { false, wait / 1000, 0 }
    end
    local idle_at = idle_time(now, 0, limit.rate)
    local entry = { key = key, excess = 0, last = now, idle_at = idle_at, due = idle_at }
    zone.entries[key] = entry
    table.insert(zone.heap, entry)
    rise(zone.heap, #zone.heap)
    self.key_count = self.key_count + 1
    return { true, 0, 0 }
end

-- nginx's integers: milliseconds, thousandths of a call, and thousandths of a call a second.
local function account(entry, limit, now)
    local rate = limit.rate
    local excess = math.max(0, entry.excess - math.floor(rate * math.max(0, now - entry.last) / 1000) + 1000)
    if excess > limit.burst then
        return { false, math.ceil((excess - limit.burst) * 1000 / rate) / 1000, excess / 1000 }
    end
    entry.excess, entry.last = excess, math.max(now, entry.last)
    -- Never earlier than before: another limit on the same key may have a lower rate.
    entry.idle_at = math.max(entry.idle_at, idle_time(entry.last, excess, rate))
    local wait = excess > limit.delay and math.floor((excess - limit.delay) * 1000 / rate) / 1000 or 0
    return { true, wait, excess / 1000 }
end

---@param name string of the zone
---@param keys string[]
---@param limit table {rate, burst, delay, size}, the first three in thousandths
---@return table[] for each key {granted, seconds to wait before going on or asking again, excess};
---a refused one's excess is what it would have been
function Limiter:check(name, keys, limit)
    local now = self.now()
    local zone = self:zone(name, now)
    local verdicts = {}
    for i, key in ipairs(keys) do
        local entry = zone.entries[key]
        verdicts[i] = entry ~= nil and account(entry, limit, now) or self:begin(zone, key, limit, now)
    end
    return verdicts
end

return limiter
