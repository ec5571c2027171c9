-- One task per key: a put with the key of a task that is there answers that task, or
-- changes it, or is kept until it has ended.
--
-- While a commit is under way nobody but its own fiber may act on its key: `moving` of a
-- tube has key → { fiber, id, state, plan }. Puts outside of transactions wait for it.

local fiber = require('fiber')
local msgpack = require('msgpack')
local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local keys = require('tarantella.ability.keys')
local payload = require('tarantella.payload')
local put = require('tarantella.put')
local replace = require('tarantella.ability.replace')
local reply = require('tarantella.reply')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')
local txn = require('tarantella.txn')

local MODES = { reject = true, replace = true, after = true }
-- What a follow-up does not need of its put.
local NOT_KEPT = { dedup = true, extend = true, taken = true, timeout = true, meta = true }

local dedup = {}

---@return string as it is stored
function dedup.key(value)
    local key = args.key(value)
    if type(key) == 'number' then
        key = key == math.floor(key) and ('%.0f'):format(key) or ('%.17g'):format(key)
    end
    if key == '' then
        errors.invalid('key', 'not empty', key)
    end
    return key
end

local function busy_error(key)
    errors.raise('TASK_BUSY', ("The task with the key '%s' is being changed by another call"):format(key))
end

local function count(tube, outcome)
    local counts = tube.dedup.counts
    counts[outcome] = (counts[outcome] or 0) + 1
end

-- Answer of a put that put nothing.
local function answer(tube, tuple, id, letter, outcome)
    count(tube, outcome)
    if tuple == nil then
        return box.tuple.new({ id, letter, box.NULL, outcome })
    end
    return reply.task(tuple, id, letter):update({ { '!', 4, outcome } })
end

-- The key is this transaction's until its end.
local function claim(tube, key, id, state, plan)
    local moving, amended = tube.dedup.moving, tube.amended
    local entry = moving[key]
    if entry ~= nil and entry.fiber == fiber.id() then
        entry.id, entry.state, entry.plan = id, state, plan
        return
    end
    entry = { fiber = fiber.id(), id = id, state = state, plan = plan }
    moving[key] = entry
    local function finish()
        if moving[key] == entry then
            moving[key] = nil
        end
    end
    box.on_commit(finish)
    txn.on_rollback(function()
        finish()
        amended[entry.id] = nil
    end)
end

-- State of a task as its row says.
local function stored_letter(tuple)
    local is_over = tuple.state == const.DELAYED and tuple.due ~= nil and tuple.due <= timer.wall_us()
    return is_over and const.READY or tuple.state
end

-- State of the key's task, and what this transaction did to it before.
local function look(tube, key, tuple)
    local sched = tube.sched
    local id = tonumber(tuple.id)
    local n = sched:find(id)
    local own = tube.dedup.moving[key]
    own = own ~= nil and own.id == id and own.fiber == fiber.id() and own or nil
    if own ~= nil and own.state ~= nil and (n == 0 or sched:is_busy(n)) then
        return n, own.state, own
    end
    return n, n ~= 0 and sched:letter(n) or stored_letter(tuple), nil
end

local function replace_task(tube, key, tuple, options, data, n, letter, own)
    local id = tonumber(tuple.id)
    if own == nil and (n == 0 or tube.sched:is_busy(n)) then
        busy_error(key)
    end
    local plan = replace.plan(tube, tuple, letter, options, data)
    local task
    if own == nil then
        task = replace.known(tube, n, plan)
    else
        task = replace.own(tube, id, plan)
        if own.plan ~= nil then
            -- The schedule learns of it by the first change's own commit.
            own.plan.state, own.plan.pri, own.plan.due = plan.state, plan.pri, plan.due
            plan = own.plan
        else
            tube.amended[id] = { plan.state, plan.pri, plan.due }
            plan = nil
        end
    end
    claim(tube, key, id, task[2], plan)
    local window = options.window or tube.dedup.window
    if window ~= nil and window > 0 then
        keys.prolong(tube, key, window)
    end
    count(tube, 'replaced')
    return task:update({ { '!', 4, 'replaced' } })
end

-- Keeps the put until the task has ended; a newer one takes its place.
local function keep_after(tube, key, tuple, options, data)
    local run = {}
    for name, value in pairs(options) do
        if not NOT_KEPT[name] then
            run[name] = value
        end
    end
    run.data = payload.is(data) and data.bytes or msgpack.encode(data)
    keys.follow(tube, key, run)
    claim(tube, key, tonumber(tuple.id))
    return answer(tube, tuple, tonumber(tuple.id), const.TAKEN, 'after')
end

local function check_together(options)
    if options.key == nil and (options.dedup or options.extend or options.taken or options.window) then
        errors.raise('INVALID_ARGUMENT', 'Expected a `key` beside `dedup`, `window`, `extend` and `taken`')
    end
end

---Hook `before_put`.
function dedup.before_put(tube, options, data)
    check_together(options)
    local key = options.key
    if key == nil then
        return nil
    end
    local entry = tube.dedup.moving[key]
    if entry ~= nil and entry.fiber ~= fiber.id() and not options.is_owed then
        busy_error(key)
    end
    local known = keys.get(tube, key)
    if known == nil then
        options.meta = options.meta or {}
        options.meta.key = key
        return nil
    elseif known.is_ended then
        return answer(tube, nil, tonumber(known.task_id), const.DONE, 'duplicate')
    end
    local tuple = tube.store.pk:get(known.task_id)
    local n, letter, own = look(tube, key, tuple)
    local mode = options.dedup or 'reject'
    if letter == const.TAKEN then
        if mode == 'after' or mode == 'replace' and options.taken == 'after' then
            return keep_after(tube, key, tuple, options, data)
        end
    elseif mode == 'replace' then
        return replace_task(tube, key, tuple, options, data, n, letter, own)
    end
    return answer(tube, tuple, tonumber(tuple.id), letter, 'duplicate')
end

---Hook `after_put`.
function dedup.after_put(tube, id, options, state)
    if options.key ~= nil then
        keys.hold(tube, options.key, id, options.window or tube.dedup.window)
        claim(tube, options.key, id, state)
    end
end

---Hook `change`: the end of a task frees its key, or begins the run that was kept.
function dedup.change(tube, step, id, before)
    if step.letter ~= const.DONE then
        return
    end
    local meta = before.meta
    if meta == nil or meta.key == nil then
        return
    end
    local run = keys.release(tube, meta.key, id)
    if run == nil then
        return
    end
    local data = payload.raw(run.data)
    run.data = nil
    run.is_owed = true
    for name, value in pairs(run) do
        -- Integers above 10^14 come from a row as 64-bit cdata.
        run[name] = type(value) == 'cdata' and tonumber(value) or value
    end
    put.one(tube, data, run)
end

---Hook `busy`.
function dedup.is_busy(tube, options)
    local key = options.key
    if key == nil then
        return false
    elseif tube.dedup.moving[key] ~= nil then
        return true
    end
    local known = keys.get(tube, key)
    if known == nil or known.is_ended then
        return false
    end
    local n = tube.sched:find(tonumber(known.task_id))
    return n == 0 or tube.sched:is_busy(n)
end

---@param key string as `dedup.key` gives it
---@return integer|nil id of the task that has the key
function dedup.find(tube, key)
    local known = tube.dedup ~= nil and keys.get(tube, key) or nil
    local id = known ~= nil and not known.is_ended and tonumber(known.task_id) or nil
    return id ~= nil and tube.sched:find(id) ~= 0 and id or nil
end

---Deletes the task of a key if it waits, and what is to follow it; the key is free then.
---@return boolean whether there was one of them
function dedup.cancel(tube, key, delete)
    local known = keys.get(tube, key)
    if known == nil or known.is_ended then
        return false
    end
    local n = tube.sched:find(tonumber(known.task_id))
    if n == 0 or tube.sched:is_busy(n) or tube.dedup.moving[key] ~= nil then
        busy_error(key)
    end
    if tube.sched:state(n) == schedule.TAKEN then
        if known.run ~= nil then
            keys.follow(tube, key, nil)
        end
        return known.run ~= nil
    end
    box.atomic(function()
        keys.loosen(tube, key)
        delete(n)
    end)
    return true
end

dedup.MODES = MODES

return dedup
