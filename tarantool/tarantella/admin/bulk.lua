-- What operators do to all tasks that a filter names: some hundreds in one commit, with
-- others served in between, and no more than a bounded number in one call.

local fiber = require('fiber')
local change = require('tarantella.admin.change')
local commit = require('tarantella.commit')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local payload = require('tarantella.payload')
local put = require('tarantella.put')
local registry = require('tarantella.registry')
local row = require('tarantella.row')
local fields = require('tarantella.fields')
local schedule = require('tarantella.schedule.schedule')
local search = require('tarantella.admin.search')
local steps = require('tarantella.admin.steps')
local timer = require('tarantella.timer')
local txn = require('tarantella.txn')

local MICRO = const.MICRO

local MOVABLE = { [schedule.READY] = true, [schedule.DELAYED] = true, [schedule.BURIED] = true }

local bulk = {}

-- Tasks of one call, a second or so of work.
bulk.MAX_TASKS = 100000
-- Tasks that one transaction moves. Each has four callbacks on its end, and what registers
-- them walks through those that are there.
local MOVES_PER_COMMIT = 50

-- Those that come while the call runs are not meant.
local function last_id(tube)
    local last = tube.store.pk:max()
    return last ~= nil and row.id(last) or -1
end

-- Those of a page from `from` on that still match, up to `size` of them; others may have
-- changed them meanwhile.
local function some(tube, filter, page, from, size)
    local ids = {}
    while from <= #page and #ids < size do
        if search.matches(tube.sched, filter, page[from]) then
            table.insert(ids, page[from])
        end
        from = from + 1
    end
    return ids, from
end

-- Calls `act(ids)` → how many, whether to go on; for all that match, in order of id, up to
-- `size` at a time.
local function each(tube, filter, limit, size, act)
    local upto, count, goes_on, in_txn = last_id(tube), 0, true, box.is_in_txn()
    local page, cursor, from = {}, -1, 1
    while goes_on and count < limit do
        if from > #page then
            if cursor == nil or in_txn and count > 0 then
                break
            end
            page, cursor = search.ids(tube, filter, {
                after = cursor, upto = upto, limit = math.min(limit - count, const.SLICE_STEPS),
            })
            from = 1
        end
        local ids
        ids, from = some(tube, filter, page, from, math.min(limit - count, size))
        if #ids > 0 then
            local done
            done, goes_on = act(ids)
            count = count + done
        end
        if not in_txn then
            fiber.sleep(0)
        end
        if tube.is_dropped then
            errors.tube_not_found()
        end
    end
    return { count = count, more = cursor ~= nil or from <= #page }
end

---@param kind string of change.lua
---@param filter table of search.lua
---@return table {count, more}
function bulk.change(tube, kind, filter, limit)
    return each(tube, filter, limit, const.ROWS_PER_COMMIT, function(ids)
        return change.count(tube, kind, ids), true
    end)
end

-- What the task keeps in its new tube, as far as that knows it.
local function options_of(tuple, to, is_kicked, now)
    local known = to.preset.options
    local due, dead, ttr = row.due(tuple), row.dead(tuple), row.ttr(tuple)
    local delayed_us = row.state(tuple) == const.DELAYED and math.max(0, due - now) or 0
    local meta = tuple[fields.meta]
    local options = {
        meta = meta ~= nil and table.copy(meta) or nil,
        state = row.state(tuple) == const.BURIED and not is_kicked and const.BURIED or nil,
    }
    if known.pri then
        -- With `aging` the row's own has the time in it.
        options.pri = meta ~= nil and meta.pri or row.pri(tuple)
    end
    if options.meta ~= nil then
        options.meta.pri = nil
    end
    if known.ttl then
        options.ttr = ttr ~= nil and ttr / MICRO or nil
        options.at = delayed_us > 0 and due / MICRO or nil
        options.ttl = dead ~= nil and (dead - now - delayed_us) / MICRO or const.MAX_DURATION_S
    end
    if known.utube then
        options.lane = row.lane(tuple)
    end
    if meta ~= nil and to.dedup ~= nil then
        options.key = meta.key
    end
    return options
end

-- Puts the moved task; nil if there is no room for it, an empty one if its key is taken.
local function put_moved(to, tuple, options)
    local savepoint = box.savepoint()
    local ok, task = pcall(put.one, to, payload.of(tuple), options)
    if ok then
        -- A key that the tube has already answers with that task, which has a further field.
        return task ~= nil and #task > 3 and {} or task
    end
    local code = errors.describe(task)
    if code ~= 'QUEUE_FULL' then
        error(task, 0)
    end
    txn.rollback_to(savepoint)
    return nil
end

-- Parents and children of a flow know each other by their ids.
local function is_in_flow(tube, tuple, id)
    local meta = tuple[fields.meta]
    local child = box.space[const.CHILD_SPACE]:get({ tube.id, id })
    return meta ~= nil and meta.flow ~= nil or child ~= nil and child.status == 'open'
end

-- Moves one task in the caller's transaction: its new id; nil if it cannot be moved now,
-- false if there is no room for it.
local function move_one(from, to, id, is_kicked)
    local tuple = from.store.pk:get(id)
    -- Only now: for vinyl the read yields.
    local n = from.sched:find(id)
    local now = timer.wall_us()
    if tuple == nil or n == 0 or from.sched:is_busy(n) or not MOVABLE[from.sched:state(n)]
        or (row.dead(tuple) or math.huge) <= now or not from.store.is_vinyl and is_in_flow(from, tuple, id) then
        return nil
    end
    local options = options_of(tuple, to, is_kicked, now)
    if from.store.is_vinyl then
        -- The put yields, so the task leaves first: nobody is given it meanwhile.
        commit.one(from, steps.leave, n)
        local task = put.one(to, payload.of(tuple), options)
        if task == nil then
            errors.raise('QUEUE_FULL', ('Tube %s is full'):format(to.name))
        end
        return task[1]
    end
    local task = put_moved(to, tuple, options)
    if task == nil then
        return false
    elseif task[1] ~= nil then
        commit.one(from, steps.leave, n)
    end
    return task[1]
end

-- One commit: pairs of old and new ids, and whether there was room for all.
local function move_slice(from, to, ids, is_kicked)
    local pairs_of, has_room = {}, true
    for _, id in ipairs(ids) do
        local new = move_one(from, to, id, is_kicked)
        if new == false then
            has_room = false
            break
        elseif new ~= nil then
            table.insert(pairs_of, { id, new })
        end
    end
    return pairs_of, has_room
end

local function check_move(from, to)
    if from == to then
        errors.invalid('to', 'another tube', to.name)
    elseif from.store.is_vinyl ~= to.store.is_vinyl then
        errors.raise('INVALID_ARGUMENT', ('Expected tubes of one engine, got %s (%s) and %s (%s)'):format(
            from.name, from.space.engine, to.name, to.space.engine))
    end
end

-- The tube that a name means, ready for use.
local function target(name)
    local tube = type(name) == 'string' and registry.get(name) or nil
    if tube == nil or not tube:await() then
        errors.raise('TUBE_NOT_FOUND', ('Tube %s not found'):format(tostring(name)))
    end
    return tube
end

---@param what table { ids } or { filter }, and { limit, is_kicked }
---@return table {count, more, full, tasks = {{id before, id now}, …} where there are no more than MAX_PAIRS}
function bulk.move(from, to_name, what)
    local to = target(to_name)
    check_move(from, to)
    local tasks, is_full = setmetatable({}, { __serialize = 'seq' }), false
    local function act(ids)
        local moved, has_room = {}, true
        local function slice()
            moved, has_room = move_slice(from, to, ids, what.is_kicked)
        end
        if box.is_in_txn() then slice() else box.atomic(slice) end
        for _, pair in ipairs(moved) do
            if #tasks <= const.MAX_TAKE then
                table.insert(tasks, pair)
            end
        end
        is_full = not has_room
        return #moved, has_room
    end
    local result
    if what.ids ~= nil then
        result = { count = 0, more = false }
        for at = 1, #what.ids, MOVES_PER_COMMIT do
            local count, goes_on = act({ unpack(what.ids, at, math.min(#what.ids, at + MOVES_PER_COMMIT - 1)) })
            result.count = result.count + count
            if not goes_on then
                result.more = true
                break
            end
        end
    else
        result = each(from, what.filter, what.limit, MOVES_PER_COMMIT, act)
        result.more = result.more or is_full
    end
    result.full = is_full
    result.tasks = #tasks <= const.MAX_TAKE and tasks or nil
    return result
end

return bulk
