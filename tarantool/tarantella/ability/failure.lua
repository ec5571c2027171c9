-- Failed attempts: `fail` with a delay that the server computes, a maximum, a tube for the
-- dead. What a tube asks for is counted for leases that end by themselves too.

local args = require('tarantella.api.args')
local attempt = require('tarantella.ability.attempt')
local backoff = require('tarantella.ability.backoff')
local commit = require('tarantella.commit')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local lapsed = require('tarantella.ability.lapsed')
local lease = require('tarantella.lease')
local redrive = require('tarantella.ability.redrive')
local registry = require('tarantella.registry')
local reply = require('tarantella.reply')
local schedule = require('tarantella.schedule.schedule')

local FAIL_OPTIONS = { error = true, token = true, delay = true, final = true }
local ITEM_OPTIONS = { error = true, delay = true, final = true }

local function is_asked(opts)
    return opts.max_attempts ~= nil or opts.backoff ~= nil or opts.dead_letter ~= nil
end

local function max_attempts(value)
    return args.integer('max_attempts', value, 1, const.MAX_ATTEMPTS)
end

local function refuse_vinyl(name, o)
    if o.engine == 'vinyl' then
        errors.invalid(name, 'left out with the vinyl engine', o[name])
    end
end

local function dead_letter(value)
    local to = type(value) == 'string' and registry.get(value) or nil
    if to == nil or to.store.is_vinyl then
        errors.invalid('dead_letter', 'the name of a memtx tube that is there', value)
    end
    return value
end

local function needs_ability(tube, name, value)
    if not is_asked(tube.opts) then
        errors.raise('ABILITY_NOT_ENABLED', ('Tube %s counts no attempts: `%s` needs a tube with `max_attempts`, '
            .. '`backoff` or `dead_letter`'):format(tube.name, name))
    end
    return value
end

-- No more than the bound, and no half of a character.
local function cut(text)
    if #text <= const.MAX_ERROR_BYTES then
        return text
    end
    local size = const.MAX_ERROR_BYTES
    while size > 0 and bit.band(text:byte(size + 1), 0xc0) == 0x80 do
        size = size - 1
    end
    return text:sub(1, size)
end

local function check_fail(value, known, what)
    local o = args.options('opts', value) or {}
    args.known_only(o, known, what)
    if o.error ~= nil and type(o.error) ~= 'string' then
        errors.invalid('error', 'a string', o.error)
    end
    if o.final ~= nil and type(o.final) ~= 'boolean' then
        errors.invalid('final', 'a boolean', o.final)
    end
    return {
        error = o.error and cut(o.error), delay = args.delay('delay', o.delay), is_final = o.final,
        token = args.token(o.token),
    }
end

-- Record of a task that the caller holds, step, argument. Nothing yields between the look
-- and the caller's write, but vinyl's read of the row, which comes before.
local function plan(tube, id, o)
    local tuple = tube.store.pk:get(id)
    local n = lease.find(tube.sched, id, o.token)
    if n == 0 then
        errors.not_taken()
    elseif tuple == nil then
        errors.task_not_found(id)
    end
    local is_counted = is_asked(tube.opts) and tube.sched:state(n) ~= schedule.TAKEN
        and o.token ~= nil and tube.sched.last_token[id] == o.token
    return n, attempt.plan(tube, tuple, {
        error = o.error, delay = o.delay, is_final = o.is_final, is_counted = is_counted,
    })
end

---@param opts table|nil { error = text, token, delay = seconds instead of the policy's, final = no further attempt }
---@return box.tuple [id, state, data]: 'r' or '~' for another attempt, '!' buried, '-' moved to the dead-letter tube
local function fail(tube, _, _, id, opts)
    local n, step, arg = plan(tube, args.id(id), check_fail(opts, FAIL_OPTIONS, 'fail'))
    return commit.one(tube, step, n, arg)
end

local function plan_item(tube, item)
    if type(item) ~= 'table' then
        item = { item }
    end
    local o = check_fail(item[3], ITEM_OPTIONS, 'fail_many')
    o.token = args.token(item[2])
    local id = args.id(item[1])
    return id, plan(tube, id, o)
end

---@param items table of id or {id, token, {error, delay, final}}
---@return box.tuple per item [id, state] or {code, message}
local function fail_many(tube, _, _, items)
    items = args.list('items', items)
    local ids, steps, ns, arguments, failures = {}, {}, {}, {}, {}
    for i = 1, #items do
        local ok, id, n, step, arg = pcall(plan_item, tube, items[i])
        if ok then
            ids[i], ns[i], steps[i], arguments[i] = id, n, step, arg
        else
            failures[i] = id
        end
    end
    if next(ns) ~= nil then
        commit.many(tube, steps, ns, arguments, #items, failures)
    end
    reply.open()
    for i = 1, #items do
        if failures[i] == nil then
            reply.add_state(ids[i], steps[i].letter)
        else
            reply.add_failure(errors.describe(failures[i]))
        end
    end
    return reply.close()
end

---@return table { id, state, attempts, error, failed, max_attempts, backoff, key, origin }
local function info(tube, _, _, id)
    id = args.id(id)
    local tuple = tube.sched:find(id) ~= 0 and tube.store.pk:get(id) or nil
    local n = tube.sched:find(id)
    if tuple == nil or n == 0 then
        errors.task_not_found(id)
    end
    local meta = tuple.meta or {}
    local origin = meta.origin or {}
    local from = meta.attempts ~= nil and meta or origin
    return setmetatable({
        id = id, state = tube.sched:letter(n), attempts = from.attempts or 0, error = from.error,
        failed = from.failed, max_attempts = meta.max_attempts or tube.opts.max_attempts,
        backoff = meta.backoff or tube.opts.backoff, key = meta.key,
        origin = meta.origin and { tube = origin.tube, id = origin.id, attempts = origin.attempts,
            error = origin.error, failed = origin.failed, key = origin.meta and origin.meta.key },
    }, { __serialize = 'map' })
end

local function attach(tube)
    if not is_asked(tube.opts) then
        return nil
    end
    return {
        before_put = function(_, options)
            if options.max_attempts ~= nil or options.backoff ~= nil then
                local meta = options.meta or {}
                meta.max_attempts, meta.backoff = options.max_attempts, options.backoff
                options.meta = meta
            end
        end,
        lapse = lapsed.keep,
        closed = lapsed.forget,
    }
end

return {
    name = 'failure',
    tube_options = {
        max_attempts = function(value, _, o)
            refuse_vinyl('max_attempts', o)
            return max_attempts(value)
        end,
        backoff = function(value, _, o)
            refuse_vinyl('backoff', o)
            return backoff.check(value)
        end,
        dead_letter = function(value, _, o)
            refuse_vinyl('dead_letter', o)
            return dead_letter(value)
        end,
    },
    put_options = {
        max_attempts = function(tube, value) return needs_ability(tube, 'max_attempts', max_attempts(value)) end,
        backoff = function(tube, value) return needs_ability(tube, 'backoff', backoff.check(value)) end,
    },
    attach = attach,
    methods = { fail = fail, fail_many = fail_many, info = info, redrive = redrive },
    rights = {
        producer = { 'info' }, consumer = { 'fail', 'fail_many', 'info' }, admin = { 'redrive' },
    },
    run = lapsed.run,
    health = function(warnings)
        for name, tube in pairs(registry.all()) do
            local to = tube.opts.dead_letter
            if to ~= nil and registry.get(to) == nil then
                table.insert(warnings, ('the dead-letter tube %s of tube %s is not there: its dead tasks are buried')
                    :format(to, name))
            end
        end
    end,
}
