-- What reads all rows of a tube: the schedule's rebuild, and lists for operators.

local fiber = require('fiber')
local log = require('log')
local const = require('tarantella.const')
local reply = require('tarantella.reply')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')

local scan = {}

-- Enters one stored row into the schedule.
local function load_row(sched, tuple, now)
    local state, due, dead = row.state(tuple), row.due(tuple), row.dead(tuple) or 0
    local to = schedule.READY
    if state == const.BURIED then
        to = schedule.BURIED
    elseif state == const.WAITING then
        to, dead = schedule.WAITING, 0
    elseif state == const.DELAYED and due ~= nil and due > now then
        to = schedule.DELAYED
        dead = due
    end
    sched:add(row.id(tuple), to, row.pri(tuple), dead, row.lane(tuple))
end

---Fills a schedule from the rows, in slices that let other fibers run.
---@param now number microseconds since 1970
function scan.load(store, sched, now)
    local last = -1
    local visit = function(tuple)
        last = row.id(tuple)
        load_row(sched, tuple, now)
    end
    -- Not fiber.clock(), which stands still until the fiber yields.
    local ends = timer.monotonic_us() + const.SLICE_S * const.MICRO
    while store:scan(last, const.SLICE_STEPS, visit) == const.SLICE_STEPS do
        if timer.monotonic_us() >= ends then
            fiber.sleep(0)
            ends = timer.monotonic_us() + const.SLICE_S * const.MICRO
        end
    end
end

-- A put that is not published yet has a row that may be seen.
local function is_quiet(tube)
    return tube.arriving == 0 and tube.sched.busy == 0
end

---Enters rows that came from elsewhere: the last ones of the master before, which
---arrive when the schedule stands already, or an operator's. Looks at two numbers, and
---at all rows only if these differ twice in a row. Tasks without a row go when they are
---taken.
---@param now number microseconds since 1970
function scan.mend(tube, now)
    local store, sched = tube.store, tube.sched
    local missing = not store.is_vinyl and is_quiet(tube) and store:count() - sched:total() or 0
    if missing <= 0 or missing ~= tube.missing then
        tube.missing = missing
        return
    end
    tube.missing = 0
    local last, found = -1, 0
    local visit = function(tuple)
        last = row.id(tuple)
        if sched:find(last) == 0 then
            load_row(sched, tuple, now)
            found = found + 1
        end
    end
    while is_quiet(tube) and store:scan(last, const.SLICE_STEPS, visit) == const.SLICE_STEPS do
        fiber.sleep(0)
        if sched ~= tube.sched or tube.is_dropped then
            return
        end
    end
    log.info('tarantella: %d rows of tube %s came from elsewhere', found, tube.name)
    tube:serve()
end

---Iterates over the tasks in a state, in order of id.
---@param letter string
---@return function iterator of (id, task)
function scan.by_state(tube, letter)
    local next_row, param, position = tube.space:pairs()
    return function()
        while true do
            local tuple
            position, tuple = next_row(param, position)
            if tuple == nil then
                return nil
            end
            local id = row.id(tuple)
            local n = tube.sched:find(id)
            if n ~= 0 and tube.sched:letter(n) == letter then
                return id, reply.task(tuple, id, letter)
            end
        end
    end
end

return scan
