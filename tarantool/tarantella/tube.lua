-- One tube: its rows, its schedule, the takes that wait for it, its counters.

local fiber = require('fiber')
local const = require('tarantella.const')
local reply = require('tarantella.reply')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local store = require('tarantella.store')
local timer = require('tarantella.timer')
local waiters = require('tarantella.schedule.waiters')

local MICRO = const.MICRO

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

local function duration_us(seconds)
    if seconds == nil or seconds >= const.MAX_DURATION_S then
        return nil
    end
    return math.floor(seconds * MICRO)
end

---@param record box.tuple row of the list of tubes
---@param preset table from preset/
function tube.new(record, preset)
    local opts = record.opts
    return setmetatable({
        id = record.id, name = record.name, type = record.type, opts = opts, preset = preset,
        space = box.space[record.name],
        store = store.new(box.space[record.name]),
        sched = schedule.new(timer.nudge),
        waiters = waiters.new(),
        -- Defaults of its tasks; nil: no limit.
        pri = opts.pri or 0, ttl_us = duration_us(opts.ttl), ttr_us = duration_us(opts.ttr or opts.ttl),
        capacity = preset.capacity and (opts.capacity or 0) > 0 and opts.capacity or nil,
        arriving = 0,       -- puts whose commit is under way, where a capacity counts them
        room = fiber.cond(),
        nil_lane = preset.lanes and opts.compat_nil_utube and 'nil' or nil,
        calls = zero_calls(),
        done = 0,
        is_loaded = false,  -- the schedule stands for all rows
        is_dropped = false,
        changed = fiber.cond(), -- of the two above
    }, Tube)
end

---Wakes as many waiting takes as can be served.
function Tube:serve()
    local line = self.waiters
    if line.n ~= 0 then
        line:wake(self.sched:available())
    end
end

function Tube:signal_room()
    if self.capacity ~= nil then
        self.room:broadcast()
    end
end

---Ends a lease that nobody ended by word.
function Tube:lapse(sched, n)
    if sched ~= self.sched then
        -- The tube was truncated or reloaded while a commit was under way.
        return
    end
    local tuple = self.store:get(sched:id(n))
    if tuple == nil then
        sched:unlink(n)
        sched:forget(n)
    else
        sched:lapse(n, row.pri(tuple), row.dead(tuple) or 0)
    end
end

---Lets other fibers run now and then in a long loop.
---@param steps integer how many there were
function tube.pause(steps)
    if steps % const.SLICE_STEPS == 0 then
        fiber.sleep(0)
        return true
    end
    return false
end

---Ends all leases of an owner that is no more.
function Tube:lapse_all(owner)
    local sched = self.sched
    local steps = 0
    local n = sched:first_of(owner)
    while n ~= 0 do
        local after = sched:next_of(n)
        -- A busy one is lapsed by its commit, if that fails.
        if not sched:is_busy(n) then
            self:lapse(sched, n)
            self.calls.release = self.calls.release + 1
        end
        steps = steps + 1
        if steps % const.SLICE_STEPS == 0 then
            self:serve()
            fiber.sleep(0)
            -- The list may be another one now; busy ones at its head are few.
            after = sched:first_of(owner)
        end
        n = after
    end
    if steps > 0 then
        self:serve()
    end
end

-- Enters one stored row into the schedule.
local function load_row(sched, tuple, now)
    local state, due, dead = row.state(tuple), row.due(tuple), row.dead(tuple) or 0
    local to = schedule.READY
    if state == const.BURIED then
        to = schedule.BURIED
    elseif state == const.DELAYED and due ~= nil and due > now then
        to = schedule.DELAYED
        dead = due
    end
    sched:add(row.id(tuple), to, row.pri(tuple), dead, row.lane(tuple))
end

---Builds the schedule from the rows, in slices that let other fibers run.
---@param now number microseconds since 1970
function Tube:load(now)
    local sched = schedule.new(timer.nudge, self.store:count())
    local last = -1
    local visit = function(tuple)
        last = row.id(tuple)
        load_row(sched, tuple, now)
    end
    -- Not fiber.clock(), which stands still until the fiber yields.
    local ends = timer.monotonic_us() + const.SLICE_S * MICRO
    while self.store:scan(last, const.SLICE_STEPS, visit) == const.SLICE_STEPS do
        if timer.monotonic_us() >= ends then
            fiber.sleep(0)
            ends = timer.monotonic_us() + const.SLICE_S * MICRO
        end
    end
    self.sched = sched
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
    self.waiters:finish_all()
    self.room:broadcast()
    self.changed:broadcast()
end

---Deletes all tasks. Leases end without a word, and their tokens open nothing any more.
function Tube:truncate()
    self.is_loaded = false
    local ok, cause = pcall(self.store.truncate, self.store)
    if ok then
        self.sched = schedule.new(timer.nudge)
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
    local next_row, param, position = self.space:pairs()
    return function()
        while true do
            local tuple
            position, tuple = next_row(param, position)
            if tuple == nil then
                return nil
            end
            local id = row.id(tuple)
            local n = self.sched:find(id)
            if n ~= 0 and self.sched:letter(n) == letter then
                return id, reply.task(tuple, id, letter)
            end
        end
    end
end

---@return integer tasks in any state
function Tube:len()
    return self.sched:total()
end

---@return table in the shape of tarantool/queue's statistics
function Tube:statistics()
    local count = self.sched.count
    local calls = {}
    for name, n in pairs(self.calls) do
        calls[name] = n
    end
    return {
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
end

return tube
