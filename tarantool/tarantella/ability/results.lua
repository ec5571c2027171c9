-- The ability `results`: tubes with the option `keep` remember how their tasks have ended,
-- take notes of those that run, and let callers wait for an end.

local log = require('log')
local args = require('tarantella.api.args')
local batch = require('tarantella.batch')
local commit = require('tarantella.commit')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local holder = require('tarantella.ability.holder')
local notes = require('tarantella.ability.notes')
local outcomes = require('tarantella.ability.outcomes')
local registry = require('tarantella.registry')
local session = require('tarantella.session')
local timer = require('tarantella.timer')
local transition = require('tarantella.transition')

local KEEP_OPTIONS = { count = true, age = true, failed_count = true, failed_age = true }
local RETRY_S, LONGEST_S = 1, 60

local function check_keep(value, _, o)
    if value == false then
        return nil
    elseif o.engine == 'vinyl' or o.temporary then
        errors.invalid('keep', 'left out with the vinyl engine and with `temporary`', value)
    elseif value == true then
        return { count = const.KEPT_RESULTS }
    elseif type(value) ~= 'table' then
        errors.invalid('keep', 'true or a map {count, age, failed_count, failed_age}', value)
    end
    args.known_only(value, KEEP_OPTIONS, 'keep')
    local keep = setmetatable({
        age = args.delay('age', value.age), failed_age = args.delay('failed_age', value.failed_age),
    }, { __serialize = 'map' })
    for _, name in ipairs({ 'count', 'failed_count' }) do
        keep[name] = value[name] ~= nil and args.integer(name, value[name], 0, const.MAX_KEPT_RESULTS) or nil
    end
    return keep
end

local function change(tube, step, id, before, arg)
    local outcome = outcomes.of(step)
    if outcome ~= nil then
        local given = type(arg) == 'table' and arg or {}
        if outcome ~= 'deleted' or before.state ~= const.BURIED then
            outcomes.write(tube, id, outcome, given.result, outcomes.error_of(arg))
        end
    elseif before.state == const.BURIED then
        outcomes.revive(tube, id)
    end
end

local function attach(tube)
    if tube.opts.keep == nil then
        return nil
    end
    outcomes.attach(tube)
    return { change = change, loaded = outcomes.loaded, closed = outcomes.closed }
end

---An ack with a result.
---@param opts table|nil { token }
---@return box.tuple [id, '-', data]
local function complete(tube, _, _, id, result, opts)
    holder.need(tube, 'complete')
    local n = holder.held(tube, args.id(id), holder.token_of(opts, 'complete'))
    return commit.one(tube, transition.ack, n, { result = result })
end

local function parse(item)
    if type(item) ~= 'table' then
        return args.id(item), nil, { result = nil }
    end
    return args.id(item[1]), args.token(item[2]), { result = item[3] }
end

---@param items table of id or {id, token, result}
---@return box.tuple per item [id, '-'] or {code, message}
local function complete_many(tube, _, _, items)
    holder.need(tube, 'complete_many')
    items = args.list('items', items)
    local ids, tokens, arguments, failures = {}, {}, {}, {}
    for i = 1, #items do
        local ok, id, token, arg = pcall(parse, items[i])
        if ok then
            ids[i], tokens[i], arguments[i] = id, token, arg
        else
            failures[i] = id
        end
    end
    return batch.change(tube, 'complete', {
        ids = ids, tokens = tokens, args = arguments, failures = failures, count = #items,
    })
end

local function as_map(t)
    return setmetatable(t, { __serialize = 'map' })
end

-- nil: neither a task nor the end of one.
local function describe(tube, id)
    local row = outcomes.get(tube, id)
    local n = tube.sched:find(id)
    if row ~= nil then
        -- Not by the schedule, which learns of the end some microseconds after those who wait for it.
        local is_buried = row.outcome == 'failed' and n ~= 0 and tube.store:get(id) ~= nil
        return as_map({
            id = id, state = is_buried and const.BURIED or const.DONE,
            outcome = row.outcome, ended = tonumber(row.ended) / const.MICRO,
            error = row.error, log = row.log, progress = row.progress, result = row.result,
        })
    elseif n == 0 then
        return nil
    end
    local own = tube.outcomes.live[id] or {}
    return as_map({ id = id, state = tube.sched:letter(n), log = own.log, progress = own.progress })
end

---@return table { id, state, outcome, ended, error, log, progress, result }; no outcome: the task goes on
local function result_of(tube, _, _, id)
    holder.need(tube, 'result')
    id = args.id(id)
    local found = describe(tube, id)
    if found == nil then
        errors.task_not_found(id)
    end
    return found
end

local function ids_of(value)
    if type(value) ~= 'table' then
        return { args.id(value) }
    end
    if #value > const.MAX_AWAITED then
        errors.raise('INVALID_ARGUMENT', ('Expected `ids` to have at most %d items, got %d'):format(
            const.MAX_AWAITED, #value))
    end
    local ids = {}
    for i = 1, #value do
        ids[i] = args.id(value[i])
    end
    return ids
end

-- What is known of each; nil while one of them goes on, unless `anyhow`.
local function look(tube, ids, anyhow)
    local all = setmetatable({}, { __serialize = 'seq' })
    for i, id in ipairs(ids) do
        local found = describe(tube, id)
        if found ~= nil and found.outcome == nil and not anyhow then
            return nil
        elseif found == nil then
            found = as_map({ code = 'TASK_NOT_FOUND', message = ('Task %s not found'):format(id) })
        end
        all[i] = found
    end
    return all
end

---Waits until tasks have ended.
---@param ids integer|table one task, or up to MAX_AWAITED
---@param timeout number|nil seconds, nil for ever
---@return table as `result` gives it, for a list an array of that or {code, message}; without an outcome if
---the time is over
local function wait(tube, _, _, ids, timeout)
    local own = holder.need(tube, 'wait')
    local list = ids_of(ids)
    timeout = args.seconds('timeout', timeout) or const.MAX_DURATION_S
    local connection = session.current()
    local found = look(tube, list)
    if found == nil and timeout > 0 and not connection.closed and not box.is_in_txn() then
        if own.waiting >= const.MAX_WAITERS then
            errors.raise('TOO_MANY_WAITERS', ('No more than %d calls can wait for a tube'):format(const.MAX_WAITERS))
        end
        found = outcomes.await(tube, list, timeout, connection, function() return look(tube, list) end)
    end
    found = found or look(tube, list, true)
    if type(ids) == 'table' then
        return found
    elseif found[1].code ~= nil then
        errors.task_not_found(list[1])
    end
    return found[1]
end

-- Whether results may be left of tubes that were dropped.
local is_unswept = true

local function sweep()
    local known = {}
    for _, record in box.space[const.TUBE_SPACE]:pairs() do
        known[tonumber(record.id)] = record.opts.keep ~= nil
    end
    is_unswept = outcomes.sweep(known)
end

local function run()
    local ok, cause = pcall(function()
        local again = false
        if is_unswept then
            sweep()
            again = is_unswept
        end
        for _, tube in pairs(registry.all()) do
            if tube.outcomes ~= nil and tube.is_loaded and outcomes.trim(tube) then
                again = true
            end
        end
        return again and 0 or math.min(outcomes.expire(), LONGEST_S)
    end)
    if not ok then
        log.warn('tarantella: old results cannot be deleted yet: %s', tostring(cause))
        return RETRY_S
    end
    return cause
end

return {
    name = 'results',
    tube_options = { keep = check_keep },
    attach = attach,
    methods = {
        complete = complete, complete_many = complete_many, progress = notes.progress, log = notes.add_line,
        result = result_of, wait = wait,
    },
    rights = {
        producer = { 'result', 'wait' },
        consumer = { 'complete', 'complete_many', 'progress', 'log', 'result', 'wait' },
    },
    start = function() is_unswept = true end,
    dropped = function()
        box.on_commit(function()
            is_unswept = true
            timer.kick()
        end)
    end,
    run = run,
}
