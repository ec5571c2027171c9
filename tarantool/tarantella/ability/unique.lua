-- The ability `dedup`: its options and functions. See dedup.lua.

local fiber = require('fiber')
local log = require('log')
local args = require('tarantella.api.args')
local commit = require('tarantella.commit')
local const = require('tarantella.const')
local dedup = require('tarantella.ability.dedup')
local errors = require('tarantella.errors')
local keys = require('tarantella.ability.keys')
local registry = require('tarantella.registry')
local task = require('tarantella.task')
local timer = require('tarantella.timer')
local transition = require('tarantella.transition')
local turn = require('tarantella.turn')

-- Keys whose time is over count for nothing, so their rows need no haste.
local EXPIRE_S, RETRY_S, LONGEST_S = 1, 1, 60

-- Tubes whose keys are to be deleted: id → { is_truncated, after }; the others were dropped.
local unswept = {}
local look_at = 0

local function need(tube, name)
    if tube.dedup == nil then
        errors.raise('ABILITY_NOT_ENABLED',
            ('Tube %s has no keys: `%s` needs a tube with `dedup`'):format(tube.name, name))
    end
end

local function check_tube(value, _, o)
    if value == false then
        return nil
    elseif o.engine == 'vinyl' or o.temporary then
        errors.invalid('dedup', 'left out with the vinyl engine and with `temporary`', value)
    elseif value == true then
        return true
    elseif type(value) ~= 'table' then
        errors.invalid('dedup', 'true or a map {window}', value)
    end
    args.known_only(value, { window = true }, 'dedup')
    return { window = args.delay('window', value.window) }
end

local function one_of(name, value, known, expected)
    if type(value) ~= 'string' or not known[value] then
        errors.invalid(name, expected, value)
    end
    return value
end

local put_options = {
    key = function(_, value) return dedup.key(value) end,
    dedup = function(_, value)
        return one_of('dedup', value, dedup.MODES, "'reject', 'replace' or 'after'")
    end,
    taken = function(_, value)
        return one_of('taken', value, { reject = true, after = true }, "'reject' or 'after'")
    end,
    window = function(_, value) return args.delay('window', value) end,
    extend = function(_, value)
        if type(value) ~= 'boolean' then
            errors.invalid('extend', 'a boolean', value)
        end
        return value
    end,
}
for name, check in pairs(put_options) do
    put_options[name] = function(tube, value)
        need(tube, name)
        return check(tube, value)
    end
end

-- A tube is loaded once; after that it is truncated, and callers wait meanwhile.
local function loaded(tube)
    local state = tube.dedup
    if not state.is_loaded then
        state.is_loaded = true
        return
    end
    local ok, after
    repeat
        ok, after = pcall(keys.sweep, tube.id, after, tube.store)
        fiber.sleep(0)
    until not ok or after == nil
    if not ok then
        log.warn('tarantella: keys of tube %s are swept later: %s', tube.name, tostring(after))
        unswept[tube.id] = { is_truncated = true }
        timer.kick()
    end
end

local function attach(tube)
    local asked = tube.opts.dedup
    if not asked then
        return nil
    end
    tube.dedup = { window = asked ~= true and asked.window or nil, moving = {}, counts = {}, is_loaded = false }
    -- Of puts that are not published yet, what their own transaction has made of them.
    tube.amended = {}
    return {
        busy = dedup.is_busy, before_put = dedup.before_put, after_put = dedup.after_put, change = dedup.change,
        loaded = loaded,
        closed = function()
            unswept[tube.id] = { is_truncated = false }
            timer.kick()
        end,
    }
end

-- A part of it; whether there is more to be done at once.
local function sweep()
    local by_id, more = {}, false
    for _, tube in pairs(registry.all()) do
        by_id[tube.id] = tube
    end
    for id, job in pairs(table.copy(unswept)) do
        local tube = by_id[id]
        local is_gone = tube == nil and box.space[const.TUBE_SPACE]:get(id) == nil
        if is_gone or tube ~= nil and job.is_truncated then
            job.after = keys.sweep(id, job.after, tube and tube.store)
            more = more or job.after ~= nil
        end
        -- A tube that could not be dropped is there again; one that is being dropped is looked at later.
        if job.after == nil and (is_gone or tube ~= nil) then
            unswept[id] = nil
        end
    end
    return more
end

local function run()
    if next(unswept) ~= nil and sweep() then
        return 0
    end
    local rest = look_at - fiber.clock()
    if rest <= 0 then
        rest = math.max(EXPIRE_S, math.min(keys.expire() or LONGEST_S, LONGEST_S))
        look_at = fiber.clock() + rest
    end
    return next(unswept) ~= nil and RETRY_S or rest
end

-- What a crash has left of dropped tubes.
local function start()
    unswept = {}
    for _, id in ipairs(keys.tubes()) do
        if box.space[const.TUBE_SPACE]:get(id) == nil then
            unswept[id] = { is_truncated = false }
        end
    end
end

---@param by table { key }
---@return box.tuple|nil [id, state, data] of the task that has the key; no value when there is none
local function find(tube, _, _, by)
    by = args.options('by', by) or {}
    args.known_only(by, { key = true }, 'find')
    need(tube, 'find')
    local id = dedup.find(tube, dedup.key(by.key))
    if id ~= nil then
        return task.peek(tube, id)
    end
end

---@return boolean whether a waiting task, or the run that was to follow a taken one, is gone
local function cancel(tube, _, _, key)
    need(tube, 'cancel')
    key = dedup.key(key)
    if not box.is_in_txn() then
        turn.await(tube, { { key = key } }, 1)
    end
    return dedup.cancel(tube, key, function(n) commit.one(tube, transition.delete, n) end)
end

return {
    name = 'dedup',
    tube_options = { dedup = check_tube },
    put_options = put_options,
    attach = attach,
    methods = { find = find, cancel = cancel },
    rights = { producer = { 'find', 'cancel' }, consumer = { 'find' } },
    start = start,
    run = run,
    statistics = function(tube, to)
        if tube.dedup ~= nil then
            local counts = tube.dedup.counts
            to.dedup = {
                duplicates = counts.duplicate or 0, replaced = counts.replaced or 0, kept = counts.after or 0,
            }
        end
    end,
}
