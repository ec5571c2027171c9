-- What becomes of a flow's parent: rows of CHILD_SPACE say which children it has and how
-- they ended, each written in the transaction that ends its child and by nobody else, so
-- children that end at the same time are not in each other's way.
--
-- Volatile is only whose children to look at. The timer does, and frees or buries parents
-- in commits of their own; after a restart it looks at all.

local const = require('tarantella.const')
local commit = require('tarantella.commit')
local outcomes = require('tarantella.ability.outcomes')
local registry = require('tarantella.registry')
local row = require('tarantella.row')
local schedule = require('tarantella.schedule.schedule')
local timer = require('tarantella.timer')

local children = {}

local NULL = box.NULL
-- on_fail → status of a child that failed.
local STATUS = { fail = 'failed', ignore = 'ignored', ['continue'] = 'continue' }

local to_look = {}   -- parent's tube id → parent's id → true
local to_forget = {} -- the same, of parents that have ended
local scan_from = nil -- key of CHILD_SPACE behind which to look at everything; nil: no need

local function space()
    return box.space[const.CHILD_SPACE]
end

local function mark(list, tube_id, id)
    list[tube_id] = list[tube_id] or {}
    list[tube_id][id] = true
    timer.kick()
end

---Looks at all parents anew: this instance is the master now, or a tube has lost its tasks.
function children.rescan()
    scan_from = {}
    timer.kick()
end

---Forgets all: this instance is the master no more.
function children.stop()
    to_look, to_forget, scan_from = {}, {}, nil
end

---Adds a child, in the transaction of its put.
---@param place integer among its siblings, from 1
function children.add(tube_id, id, parent_tube_id, parent_id, place, on_fail)
    space():insert({ tube_id, id, parent_tube_id, parent_id, place, on_fail, 'open', NULL, NULL })
end

---@return table rows of CHILD_SPACE
function children.of(tube_id, id)
    local rows = space().index.parent:select({ tube_id, id }, { limit = const.MAX_FLOW_TASKS })
    -- The index has them by status; as they were put is what a caller can use.
    table.sort(rows, function(a, b)
        return a.place < b.place
    end)
    return rows
end

local function settle(child, outcome, error_text)
    local status = outcome == 'done' and 'done' or STATUS[child.on_fail]
    space():update({ child.tube_id, child.task_id }, {
        { '=', 'status', status }, { '=', 'outcome', outcome }, { '=', 'error', error_text or NULL },
    })
end

---Hook `change` of a tube with flows.
function children.change(tube, step, id, before, arg)
    local outcome = outcomes.of(step)
    if outcome == nil then
        return
    end
    local child = space():get({ tube.id, id })
    if child ~= nil and (child.status == 'open' or outcome == 'done') then
        settle(child, outcome, outcomes.error_of(arg))
        box.on_commit(function()
            mark(to_look, tonumber(child.parent_tube_id), tonumber(child.parent_id))
        end)
    end
    if step.letter == const.DONE and before.meta ~= nil and before.meta.flow ~= nil then
        box.on_commit(function() mark(to_forget, tube.id, id) end)
    end
end

-- arg: { delay_us, ttl_us }. The life of a parent begins now.
local function free(letter, to)
    return {
        letter = letter,
        event = 'flow',
        write = function(tube, id, arg)
            local now = timer.wall_us()
            local due = arg.delay_us > 0 and now + arg.delay_us or NULL
            local dead = arg.ttl_us ~= nil and now + arg.delay_us + arg.ttl_us or NULL
            return tube.store.pk:update(id, { { '=', 'state', letter }, { '=', 'due', due }, { '=', 'dead', dead } })
        end,
        publish = function(_, sched, n, tuple)
            sched:settle(n, to, row.pri(tuple), to == schedule.DELAYED and row.due(tuple) or row.dead(tuple) or 0)
        end,
    }
end

local step_ready = free(const.READY, schedule.READY)
local step_delay = free(const.DELAYED, schedule.DELAYED)

-- arg: { error }, that of the child.
local step_bury = {
    letter = const.BURIED,
    event = 'bury',
    is_failure = true,
    write = function(tube, id, arg)
        local tuple = tube.store.pk:get(id)
        if tuple == nil then
            return nil
        end
        local meta = tuple.meta
        meta.error = arg.error
        return tube.store.pk:update(id, { { '=', 'state', const.BURIED }, { '=', 'meta', meta } })
    end,
    publish = function(tube, sched, n, tuple)
        sched:settle(n, schedule.BURIED, row.pri(tuple), row.dead(tuple) or 0)
        tube.calls.bury = tube.calls.bury + 1
    end,
}

local function first(tube_id, id, status)
    return space().index.parent:select({ tube_id, id, status }, { limit = 1 })[1]
end

-- Step and argument for a waiting parent; nil: it waits on.
local function decide(tube, id)
    local failed = first(tube.id, id, 'failed')
    if failed ~= nil then
        local of = registry.by_id(failed.tube_id)
        return step_bury, { error = ('Task %s of tube %s: %s'):format(tostring(tonumber(failed.task_id)),
            of and of.name or '(dropped)', failed.error or failed.outcome) }
    elseif first(tube.id, id, 'continue') == nil and first(tube.id, id, 'open') ~= nil then
        return nil
    end
    local tuple = tube.store.pk:get(id)
    local flow = tuple ~= nil and tuple.meta ~= nil and tuple.meta.flow or {}
    local delay_us = math.floor((flow.delay or 0) * const.MICRO)
    if flow.at ~= nil then
        delay_us = math.max(0, math.floor(flow.at * const.MICRO) - timer.wall_us())
    end
    return delay_us > 0 and step_delay or step_ready,
        { delay_us = delay_us, ttl_us = flow.ttl and math.floor(flow.ttl * const.MICRO) }
end

-- Up to one commit of the parents of a tube. Gives whether all is done.
local function look_at(tube, ids)
    local sched = tube.sched
    local steps, ns, arguments, count, seen = {}, {}, {}, 0, {}
    for id in pairs(ids) do
        local n = sched:find(id)
        -- A commit of a busy one is under way: next time.
        if n == 0 or not sched:is_busy(n) then
            seen[id] = true
            local step, arg
            if n ~= 0 and sched:state(n) == schedule.WAITING then
                step, arg = decide(tube, id)
            end
            if step ~= nil then
                count = count + 1
                steps[count], ns[count], arguments[count] = step, n, arg
            end
        end
        if count >= const.ROWS_PER_COMMIT then
            break
        end
    end
    for id in pairs(seen) do
        ids[id] = nil
    end
    if count > 0 then
        local ok, cause = pcall(commit.many, tube, steps, ns, arguments, count, {})
        if not ok then
            for id in pairs(seen) do
                ids[id] = true
            end
            error(cause, 0)
        end
    end
    return next(ids) == nil
end

-- Deletes the rows of a parent's children, up to one commit of them. Gives whether all is done.
local function forget(tube_id, ids)
    local id = next(ids)
    if id == nil then
        return true
    end
    local rows = space().index.parent:select({ tube_id, id }, { limit = const.ROWS_PER_COMMIT })
    box.atomic(function()
        for _, child in ipairs(rows) do
            space():delete({ child.tube_id, child.task_id })
        end
    end)
    if #rows < const.ROWS_PER_COMMIT then
        ids[id] = nil
    end
    return next(ids) == nil
end

-- By the row and not by the schedule: a put whose commit is under way has rows that are seen.
local function is_there(tube_id, id)
    local tube = registry.by_id(tube_id)
    return tube ~= nil and tube.space:get(id) ~= nil
end

-- Looks at some hundred children.
local function scan()
    local rows = space().index.child:select(scan_from, {
        iterator = #scan_from > 0 and 'GT' or 'ALL', limit = const.ROWS_PER_COMMIT,
    })
    local lost = {}
    for _, child in ipairs(rows) do
        local tube_id, id = tonumber(child.parent_tube_id), tonumber(child.parent_id)
        if not is_there(tube_id, id) then
            mark(to_forget, tube_id, id)
        else
            -- Its tube was truncated or dropped: it has told nobody.
            if child.status == 'open' and not is_there(child.tube_id, child.task_id) then
                table.insert(lost, child)
            end
            mark(to_look, tube_id, id)
        end
    end
    if #lost > 0 then
        box.atomic(function()
            for _, child in ipairs(lost) do
                settle(child, 'deleted')
            end
        end)
    end
    local last = rows[#rows]
    scan_from = #rows == const.ROWS_PER_COMMIT and { last.tube_id, last.task_id } or nil
end

---Does a bounded part of what is to be done.
---@return boolean whether all is done
function children.run()
    if scan_from ~= nil then
        scan()
    end
    -- Copies: what one parent becomes may be news for another.
    for tube_id, ids in pairs(table.copy(to_look)) do
        local tube = registry.by_id(tube_id)
        if tube == nil or tube.is_loaded and look_at(tube, ids) then
            to_look[tube_id] = nil
        end
    end
    for tube_id, ids in pairs(table.copy(to_forget)) do
        if forget(tube_id, ids) then
            to_forget[tube_id] = nil
        end
    end
    return scan_from == nil and next(to_look) == nil and next(to_forget) == nil
end

return children
