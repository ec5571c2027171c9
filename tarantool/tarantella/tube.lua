-- One tube: its rows, its schedule, the takes that wait for it, its counters.

local fiber = require('fiber')
local log = require('log')
local abilities = require('tarantella.abilities')
local defaults = require('tarantella.defaults')
local reply = require('tarantella.reply')
local row = require('tarantella.row')
local scan = require('tarantella.scan')
local schedule = require('tarantella.schedule.schedule')
local store = require('tarantella.store')
local timer = require('tarantella.timer')
local vinyl_store = require('tarantella.vinyl_store')
local waiters = require('tarantella.schedule.waiters')
local watcher = require('tarantella.watcher')

local tube = {}
local Tube = {}
Tube.__index = Tube

local CALLS = { 'ack', 'bury', 'delete', 'kick', 'put', 'release', 'take', 'touch', 'ttl', 'ttr', 'delay' }

local function zero_calls()
    local calls = {}
    for _, name in ipairs(CALLS) do
        calls[name] = 0
    end
    return calls
end

---@param record box.tuple row of the list of tubes
---@param preset table from preset/
function tube.new(record, preset)
    local opts = record.opts
    local self = setmetatable({
        id = record.id, name = record.name, type = record.type, opts = opts, preset = preset,
        space = box.space[record.name],
        store = (box.space[record.name].engine == 'vinyl' and vinyl_store or store).new(box.space[record.name]),
        sched = nil,
        waiters = waiters.new(),
        lines = {},         -- lane → takes that wait for that lane alone
        lanes_total = { n = 0, promised = 0 },
        hooks = nil,        -- of the abilities that the tube has, see abilities.lua
        flow = nil,         -- where there is a rate or a pause, see flow.lua
        on_change = nil, events = watcher.events(),
        is_durable = false, is_careful = false,
        missing = 0,        -- rows that the schedule did not know when it was last looked
        -- From the options, see defaults.lua.
        pri = nil, ttl_us = nil, ttr_us = nil, capacity = nil, on_full = nil,
        arriving = 0,       -- puts whose commit is under way, where a capacity counts them
        leaving = 0,        -- tasks that such puts drop
        room = waiters.new(), -- puts that wait for room
        nil_lane = preset.lanes and opts.compat_nil_utube and 'nil' or nil,
        calls = zero_calls(),
        done = 0,
        is_loaded = false,  -- the schedule stands for all rows
        is_dropped = false,
        changed = fiber.cond(), -- of the two above
    }, Tube)
    defaults.set(self, opts)
    self.sched = self:new_schedule()
    self:set_durable(false)
    self.hooks = abilities.attach(self)
    return self
end

function Tube:new_schedule(expected)
    local sched = schedule.new(timer.nudge, expected, {
        lane_limit = self.opts.lane_limit, keeps = self.store.is_vinyl,
    })
    sched.ready.watched = self.lines
    if self.on_full == 'drop_oldest' then
        sched.ready:keep_oldest()
    end
    return sched
end

-- A careful tube's takes go another way, see claim.lua.
local function set_careful(self)
    self.is_careful = self.is_durable or self.store.is_vinyl or self.on_change ~= nil
end

---@param is_durable boolean whether its leases are written
function Tube:set_durable(is_durable)
    self.is_durable = is_durable
    set_careful(self)
end

---@param fn function|nil called as (task, event) after each change
---@return function|nil the previous one
function Tube:watch(fn)
    local before = self.on_change
    self.on_change = fn
    set_careful(self)
    return before
end

-- Takes that wait for one lane are woken by that lane alone, before the others.
local function serve_lanes(self)
    local changed = self.sched.ready.changed
    while #changed > 0 do
        self:serve_lane(table.remove(changed))
    end
end

---@param name string
function Tube:serve_lane(name)
    local line = self.lines[name]
    if line ~= nil then
        line:wake(self.sched:next_ready(name) ~= 0 and 1 or 0)
    end
end

---Wakes as many waiting takes as can be served, and tells of the changes.
---@param in_trigger boolean|nil of a transaction, where nothing may yield
function Tube:serve(in_trigger)
    if self.lanes_total.n ~= 0 then
        serve_lanes(self)
    end
    local line = self.waiters
    if line.n ~= 0 then
        line:wake(self.sched:available() - self.lanes_total.promised)
    end
    if self.events.last ~= 0 then
        watcher.flush(self, in_trigger)
    end
end

---The line of the takes that wait for one lane; it is there while one waits.
---@param lane string
function Tube:line_of(lane)
    local line = self.lines[lane]
    if line == nil then
        line = waiters.new(self.lanes_total)
        self.lines[lane] = line
    end
    return line
end

---@return integer takes that wait
function Tube:waiting()
    return self.waiters.n + self.lanes_total.n
end

---When the lease of a row ends that is leased now.
---@param dead number microseconds since 1970, 0 for none
---@return number monotonic microseconds, 0 for never
function Tube:lease_end(tuple, dead)
    local ttr = row.ttr(tuple) or self.ttr_us
    if ttr == nil and dead == 0 then
        return 0
    end
    -- A lease ends with the task's life at the latest, as in tarantool/queue.
    local span = dead ~= 0 and dead - timer.wall_us() or math.huge
    return timer.monotonic_us() + math.min(ttr or math.huge, span)
end

---@return integer tasks that a tube with a capacity has room for
function Tube:free()
    return (self.capacity or math.huge) - self.sched:total() - self.arriving + self.leaving
end

function Tube:signal_room()
    if self.room.n ~= 0 then
        self.room:wake(self:free())
    end
end

---@param task box.tuple|nil that was put
function Tube:note_put(task)
    if self.on_change ~= nil and task then
        watcher.note(self, task, 'put')
    end
end

---Tells of a change that no row shows, by a read of the row that may yield.
---@param letter string state
---@param event string
function Tube:note(id, letter, event)
    if self.on_change ~= nil then
        local tuple = self.store.pk:get(id)
        if tuple ~= nil then
            watcher.note(self, reply.task(tuple, id, letter), event)
        end
    end
end

-- A schedule stands that has been built anew.
local function enter(self, sched)
    self.sched = sched
    if self.flow ~= nil then
        self.flow:bind(sched)
    end
end

local function tell(self, hook)
    for _, fn in ipairs(self.hooks ~= nil and self.hooks[hook] or {}) do
        fn(self)
    end
end

---Builds the schedule from the rows, in slices that let other fibers run.
---@param now number microseconds since 1970
function Tube:load(now)
    local sched = self:new_schedule(self.store:count())
    scan.load(self.store, sched, now)
    enter(self, sched)
    tell(self, 'loaded')
    self.is_loaded = true
    self.changed:broadcast()
    self:serve()
end

---Waits while the schedule is being built.
---@return boolean whether the tube can be used
function Tube:await()
    while not self.is_loaded and not self.is_dropped do
        self.changed:wait()
        fiber.testcancel()
    end
    return not self.is_dropped
end

---Ends every wait; for a tube that is dropped or whose instance turns read-only.
function Tube:close()
    self.is_dropped = true
    tell(self, 'closed')
    self.waiters:finish_all()
    for _, line in pairs(self.lines) do
        line:finish_all()
    end
    self.room:finish_all()
    self.changed:broadcast()
end

---Deletes all tasks. Leases end without a word, and their tokens open nothing any more.
function Tube:truncate()
    self.is_loaded = false
    local ok, cause = pcall(self.store.truncate, self.store)
    if ok then
        enter(self, self:new_schedule())
        tell(self, 'loaded')
    end
    self.is_loaded = true
    self.changed:broadcast()
    self:signal_room()
    if not ok then
        error(cause, 0)
    end
end

---For admin scripts: iterates over the tasks in a state, in order of id, reading all rows.
---@param letter string
---@return function iterator of (id, task)
function Tube:tasks_by_state(letter)
    return scan.by_state(self, letter)
end

---@return integer tasks in any state
function Tube:len()
    return self.sched:total()
end

local function error_of_ability(name, cause)
    log.error('tarantella: statistics of %s: %s', name, tostring(cause))
end

---@return table in the shape of tarantool/queue's statistics
function Tube:statistics()
    local count = self.sched.count
    local calls = {}
    for name, n in pairs(self.calls) do
        calls[name] = n
    end
    local all = {
        tasks = {
            ready = count[schedule.READY],
            delayed = count[schedule.DELAYED],
            taken = count[schedule.TAKEN],
            buried = count[schedule.BURIED],
            done = self.done,
            total = self.sched:total(),
        },
        calls = calls,
    }
    abilities.each('statistics', error_of_ability, self, all)
    return all
end

return tube
