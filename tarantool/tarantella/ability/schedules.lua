-- Recurring schedules: one task a tick, by a period or by a list of ticks that clients make
-- of a cron expression. Clients keep the zones' data; the server keeps what must not be lost.

local clock = require('clock')
local fiber = require('fiber')
local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local rows = require('tarantella.ability.schedule_rows')
local run = require('tarantella.ability.schedule_run')
local spec = require('tarantella.ability.schedule_spec')
local ticks = require('tarantella.ability.schedule_ticks')
local timer = require('tarantella.timer')

local MICRO = const.MICRO
local MAX_SCHEDULES = 100000
local MAX_LISTED, DEFAULT_LISTED = 1000, 100
-- Schedules that health looks at.
local MAX_ALARMS = 100

-- The timer looks again once a change is committed.
local function wake()
    if box.is_in_txn() then
        box.on_commit(timer.kick)
    else
        timer.kick()
    end
end

local function store(s, not_before)
    rows.settle(s, not_before)
    local ok, cause = pcall(rows.write, s)
    if not ok then
        error(errors.of_write(cause), 0)
    end
    wake()
end

local function known(name)
    local s = rows.get(spec.name(name))
    if s == nil then
        errors.raise('SCHEDULE_NOT_FOUND', ('There is no schedule %s'):format(name))
    end
    return s
end

local function seconds(us)
    return us ~= nil and us / MICRO or nil
end

local function state_of(s)
    if s.is_paused then
        return 'paused'
    elseif s.next ~= nil then
        return 'active'
    elseif s.ticks == nil or s.rules.limit ~= nil and s.count >= s.rules.limit
        or s.rules.ends ~= nil and (s.ticks[#s.ticks] or 0) >= s.rules.ends then
        return 'ended'
    end
    return 'dry'
end

-- As callers get it: moments and spans in seconds.
local function describe(s, with_data)
    local rules = s.rules
    return {
        name = s.name, tube = s.tube, state = state_of(s), kind = s.every ~= nil and 'every' or 'ticks',
        every = seconds(s.every), anchor = seconds(s.anchor), cron = rules.cron, tz = rules.tz,
        ticks_left = ticks.left(s), last_known = s.ticks ~= nil and seconds(s.ticks[#s.ticks]) or nil,
        catch_up = rules.catch_up, grace = rules.grace, limit = rules.limit, ends = seconds(rules.ends),
        next = seconds(s.next), last = seconds(s.last), count = s.count,
        errors = s.errors, error = s.error ~= nil and s.error or nil,
        opts = rules.opts, data = with_data and s.data or nil,
    }
end

local functions = {}

---@param name string up to 256 bytes
---@param value table see docs/abilities.md
---@return table the schedule
function functions.schedule(name, value)
    local s, if_exists = spec.parse(name, value)
    local older = rows.get(s.name)
    if older ~= nil and if_exists == 'error' then
        errors.raise('SCHEDULE_EXISTS', ('There is a schedule %s already'):format(s.name))
    elseif older ~= nil and if_exists == 'keep' then
        return describe(older, true)
    elseif older == nil and rows.space():len() >= MAX_SCHEDULES then
        errors.raise('TOO_MANY_SCHEDULES', ('No more than %d schedules can be kept'):format(MAX_SCHEDULES))
    end
    spec.begin(s, older)
    store(s)
    return describe(s, true)
end

---Appends ticks; those that are not later than all known ones are left out, so it may be repeated.
---@param list number[] seconds since 1970, ascending, up to 1000
---@return table {added, ticks_left, last_known = seconds since 1970}
function functions.schedule_top_up(name, list)
    list = spec.ticks(list)
    local s = known(name)
    if s.ticks == nil then
        errors.raise('INVALID_ARGUMENT', ('Schedule %s has a period, no list of ticks'):format(name))
    end
    local added = spec.append(s, list)
    if added > 0 then
        store(s)
    end
    return { added = added, ticks_left = ticks.left(s), last_known = seconds(s.ticks[#s.ticks]) }
end

---@return table|nil the schedule, with its data
function functions.schedule_get(name)
    local s = rows.get(spec.name(name))
    if s ~= nil then
        return describe(s, true)
    end
end

local LIST_OPTIONS = { after = true, limit = true }

---@param opts table|nil {after = name, limit = 100}
---@return table[] schedules in order of their names, without data
function functions.schedules(opts)
    opts = args.options('opts', opts) or {}
    args.known_only(opts, LIST_OPTIONS, 'schedules')
    local limit = opts.limit == nil and DEFAULT_LISTED or args.integer('limit', opts.limit, 1, MAX_LISTED)
    local after = opts.after ~= nil and spec.name(opts.after) or ''
    local list = setmetatable({}, { __serialize = 'seq' })
    local from = clock.monotonic()
    for _, tuple in ipairs(rows.space():select({ after }, { iterator = 'GT', limit = limit })) do
        table.insert(list, describe(rows.read(tuple), false))
        -- A thousand lists of a thousand ticks take a while.
        if clock.monotonic() - from > const.SLICE_S and not box.is_in_txn() then
            fiber.sleep(0)
            from = clock.monotonic()
        end
    end
    return list
end

---@return boolean whether there was one
function functions.unschedule(name)
    return rows.space():delete(spec.name(name)) ~= nil
end

---@return table the schedule
function functions.schedule_pause(name)
    local s = known(name)
    if not s.is_paused then
        s.is_paused = true
        store(s)
    end
    return describe(s, true)
end

---Goes on with the first tick from now on: those of the pause are passed over.
---@return table the schedule
function functions.schedule_resume(name)
    local s = known(name)
    if s.is_paused then
        s.is_paused, s.seen = false, math.max(s.seen, timer.wall_us())
        store(s)
    end
    return describe(s, true)
end

---Puts a task now, besides the ticks.
---@return box.tuple [id, state, data]
function functions.schedule_run(name)
    local s = known(name)
    return run.put(s, { schedule = s.name })
end

-- A sentence about some of the schedules, if there are any.
local function warn(warnings, names, is_cut, what)
    if #names > 0 then
        table.insert(warnings, ('%s%d schedules %s: %s%s'):format(is_cut and 'at least ' or '', #names, what,
            table.concat(names, ', ', 1, math.min(3, #names)), #names > 3 and ', …' or ''))
    end
end

local function health(warnings)
    if type(box.cfg) ~= 'table' or rows.space() == nil then
        return
    end
    local list = rows.alarming(timer.wall_us(), MAX_ALARMS)
    local failing, dry = {}, {}
    for _, tuple in ipairs(list) do
        table.insert(tuple.errors > 0 and failing or dry, tuple.name)
    end
    warn(warnings, failing, #list == MAX_ALARMS, 'cannot put their tasks')
    warn(warnings, dry, #list == MAX_ALARMS, 'are running out of ticks')
end

local function metrics(families)
    if type(box.cfg) == 'table' and rows.space() ~= nil then
        table.insert(families, {
            name = 'tarantella_schedules', kind = 'gauge', help = 'Recurring schedules.',
            samples = { { value = rows.space():len(), labels = {} } },
        })
    end
end

return {
    name = 'schedules',
    functions = functions,
    rights = { producer = {
        'schedule', 'schedule_top_up', 'schedule_get', 'schedules', 'unschedule', 'schedule_pause',
        'schedule_resume', 'schedule_run',
    } },
    run = run.run,
    health = health,
    metrics = metrics,
}
