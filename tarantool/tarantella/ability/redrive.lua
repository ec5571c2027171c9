-- `queue.redrive`: dead tasks go back to where they came from, some hundreds per commit.

local fiber = require('fiber')
local args = require('tarantella.api.args')
local attempt = require('tarantella.ability.attempt')
local commit = require('tarantella.commit')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local registry = require('tarantella.registry')
local schedule = require('tarantella.schedule.schedule')

local KNOWN = { limit = true, origin = true, error = true }

-- A transition as in transition.lua; arg: { to, options of the put }.
local step = {
    letter = const.DONE,
    event = 'delete',
    write = function(tube, id, arg)
        return attempt.move(tube, id, arg.to, arg.options)
    end,
    publish = function(tube, sched, n)
        sched:forget(n)
        tube.calls.redrive = (tube.calls.redrive or 0) + 1
        tube:signal_room()
    end,
}

-- As the task was put the first time: its attempts begin anew.
local function options_of(to, origin)
    local known = to.preset.options
    local meta = origin.meta
    return {
        pri = known.pri and origin.pri or nil, ttr = known.ttl and origin.ttr or nil,
        lane = known.utube and origin.utube or nil, meta = meta,
        key = to.dedup ~= nil and meta ~= nil and meta.key or nil,
    }
end

local function wanted(o, tuple)
    local origin = tuple.meta ~= nil and tuple.meta.origin or nil
    if origin == nil or o.origin ~= nil and origin.tube ~= o.origin then
        return nil
    end
    if o.error ~= nil and not tostring(origin.error or ''):find(o.error, 1, true) then
        return nil
    end
    return origin
end

-- Moves what is wanted of these rows; how many, and the row to go on with.
local function move_some(tube, rows, first, o, limit)
    local sched = tube.sched
    local steps, ns, arguments, failures, count = {}, {}, {}, {}, 0
    local at = first
    while at <= #rows and count < limit do
        local tuple = rows[at]
        at = at + 1
        local origin = wanted(o, tuple)
        local to = origin ~= nil and registry.get(origin.tube) or nil
        local n = to ~= nil and to ~= tube and not to.store.is_vinyl and sched:find(tuple.id) or 0
        if n ~= 0 and not sched:is_busy(n) and sched:state(n) ~= schedule.TAKEN then
            count = count + 1
            steps[count], ns[count], arguments[count] = step, n, { to = to, options = options_of(to, origin) }
        end
    end
    if count == 0 then
        return 0, at
    end
    commit.many(tube, steps, ns, arguments, count, failures)
    local failed = 0
    for _ in pairs(failures) do
        failed = failed + 1
    end
    return count - failed, at
end

local function check(value)
    local o = args.options('opts', value) or {}
    args.known_only(o, KNOWN, 'redrive')
    for _, name in ipairs({ 'origin', 'error' }) do
        if o[name] ~= nil and type(o[name]) ~= 'string' then
            errors.invalid(name, 'a string', o[name])
        end
    end
    local limit = o.limit ~= nil and args.integer('limit', o.limit, 1, const.MAX_SAFE_INTEGER) or math.huge
    return { origin = o.origin, error = o.error }, limit
end

---Moves dead tasks back to their tubes. Those that are taken stay, and so do those whose
---tube is not there, is full, or has a task with their key. In a transaction of the caller
---it moves 500 at most.
---@param opts table|nil { limit = most tasks, origin = name of a tube, error = text that the last error has }
---@return integer how many
return function(tube, _, _, opts)
    local o, limit = check(opts)
    local is_joined = box.is_in_txn()
    if is_joined then
        limit = math.min(limit, const.ROWS_PER_COMMIT)
    end
    local newest = tube.space.index[0]:max()
    local last_id = newest and newest.id
    local after, moved, looked = nil, 0, 0
    -- What comes back to this tube meanwhile is not moved again.
    while newest ~= nil and moved < limit and after ~= last_id and not tube.is_dropped
        and not (is_joined and looked >= const.MAX_BATCH) do
        local rows = tube.space.index[0]:select(after or {}, {
            iterator = after and 'GT' or 'ALL', limit = const.ROWS_PER_COMMIT,
        })
        while #rows > 0 and rows[#rows].id > last_id do
            table.remove(rows)
        end
        if #rows == 0 then
            break
        end
        looked = looked + #rows
        local at = 1
        while at <= #rows and moved < limit and not tube.is_dropped do
            local found
            found, at = move_some(tube, rows, at, o, limit - moved)
            moved = moved + found
        end
        after = rows[#rows].id
        if not is_joined then
            fiber.sleep(0)
        end
    end
    return moved
end
