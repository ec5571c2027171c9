-- Fan-out: a task that is published to a topic is put into every tube that is subscribed
-- to it, in one transaction. Each tube has a task of its own then, with its own fate.

local fiber = require('fiber')
local msgpack = require('msgpack')
local abilities = require('tarantella.abilities')
local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local payload = require('tarantella.payload')
local put = require('tarantella.put')
local registry = require('tarantella.registry')
local room = require('tarantella.room')
local subscriptions = require('tarantella.ability.subscriptions')
local turn = require('tarantella.turn')
local txn = require('tarantella.txn')

local functions = {
    subscribe = subscriptions.subscribe, unsubscribe = subscriptions.unsubscribe, topics = subscriptions.list,
}

-- Options that a tube does not have are left out for it, but one that no tube can have is
-- a mistake.
local function check_known(opts)
    local of_abilities = abilities.put_options()
    for name in pairs(opts) do
        local is_known = of_abilities[name] ~= nil
        for _, preset in pairs(registry.presets()) do
            is_known = is_known or preset.options[name]
        end
        if not is_known then
            errors.raise('INVALID_ARGUMENT', ('Unknown option `%s` of publish'):format(tostring(name)))
        end
    end
end

-- A task as it is to be put into each of the tubes: checked, and encoded once for all.
local function prepare(tubes, data, opts)
    opts = args.options('opts', opts)
    if opts ~= nil then
        check_known(opts)
    end
    local options = {}
    for i, tube in ipairs(tubes) do
        options[i] = args.put_options(tube, opts, false) or {}
    end
    if #tubes > 1 and data ~= nil and not payload.is(data) then
        local ok, bytes = pcall(msgpack.encode, data)
        if not ok then
            error(errors.of_write(bytes), 0)
        end
        data = payload.raw(bytes)
    end
    return { data = data, options = options }
end

-- Puts a task into all of the tubes, in a transaction; adds to `tasks` as it goes.
local function put_all(tubes, item, tasks)
    for _, tube in ipairs(tubes) do
        if tube.on_full ~= nil and not room.has_now(tube) then
            errors.raise('QUEUE_FULL', ('Tube %s has its capacity of %s tasks'):format(tube.name, tube.capacity))
        end
    end
    for i, tube in ipairs(tubes) do
        local task = put.one(tube, item.data, item.options[i])
        if task == nil then
            error(room.full(tube), 0)
        end
        tasks[i] = { tube.name, task[1], task[2] }
    end
end

-- Tasks whose rows were rolled back while their transaction goes on: its commit enters
-- them into the schedules all the same.
local function forget(tubes, tasks)
    for i, task in ipairs(tasks) do
        local tube = tubes[i]
        local sched, id = tube.sched, tonumber(task[2])
        local n = sched:find(id)
        if n ~= 0 and not sched:is_busy(n) and tube.store:get(id) == nil then
            sched:unlink(n)
            sched:forget(n)
        end
    end
end

-- Puts one item or leaves nothing of it, in a transaction that goes on either way.
local function put_or_undo(tubes, item, tasks)
    local savepoint = box.savepoint()
    local ok, cause = pcall(put_all, tubes, item, tasks)
    if not ok then
        txn.rollback_to(savepoint)
        if #tasks > 0 then
            box.on_commit(function() fiber.new(forget, tubes, tasks) end)
        end
    end
    return ok, cause
end

-- Lets the puts wait for what they have to wait for, while nothing is open yet.
local function await_turns(tubes, items)
    if box.is_in_txn() then
        return
    end
    for i, tube in ipairs(tubes) do
        if tube.hooks ~= nil then
            local options = {}
            for k, item in pairs(items) do
                options[k] = item.options[i]
            end
            turn.await(tube, options, #items)
        end
    end
end

local function list()
    return setmetatable({}, { __serialize = 'seq' })
end

---Puts a task into all tubes of a topic, or into none.
---@param opts table|nil options of put
---@return table[] {tube, id, state}, one for each tube
function functions.publish(topic, data, opts)
    local tubes = subscriptions.tubes_of(subscriptions.check_topic(topic))
    local item, tasks = prepare(tubes, data, opts), list()
    await_turns(tubes, { item })
    if not box.is_in_txn() then
        box.atomic(put_all, tubes, item, tasks)
        return tasks
    end
    local ok, cause = put_or_undo(tubes, item, tasks)
    if not ok then
        error(cause, 0)
    end
    return tasks
end

-- Items that cannot be understood get their errors, the others are made ready.
local function prepare_all(tubes, given, results)
    local items = {}
    for i = 1, #given do
        local ok, item
        if type(given[i]) == 'table' then
            ok, item = pcall(prepare, tubes, given[i][1], given[i][2])
        else
            ok, item = false, errors.new('INVALID_ARGUMENT', 'Expected a task to be an array {data, opts}')
        end
        if ok then
            items[i] = item
        else
            local code, message = errors.describe(item)
            results[i] = { code = code, message = message }
        end
    end
    return items
end

local function put_items(tubes, items, count, results)
    for i = 1, count do
        if items[i] ~= nil then
            local tasks = list()
            local ok, cause = put_or_undo(tubes, items[i], tasks)
            if not ok then
                local code, message = errors.describe(cause)
                tasks = { code = code, message = message }
            end
            results[i] = tasks
        end
    end
end

---Publishes many tasks in one commit; each goes to all tubes or to none.
---@param given table of {data, opts}; items times tubes up to 10 000
---@return table[] per item what publish answers, or {code, message}
function functions.publish_many(topic, given)
    subscriptions.check_topic(topic)
    given = args.list('tasks', given)
    local tubes, results = subscriptions.tubes_of(topic), list()
    if #given * #tubes > const.MAX_BATCH then
        errors.raise('INVALID_ARGUMENT', ('Expected items times tubes to be at most %d, got %d times %d'):format(
            const.MAX_BATCH, #given, #tubes))
    end
    local items = prepare_all(tubes, given, results)
    await_turns(tubes, items)
    if box.is_in_txn() then
        put_items(tubes, items, #given, results)
    else
        box.atomic(put_items, tubes, items, #given, results)
    end
    return results
end

return {
    name = 'topics',
    functions = functions,
    dropped = subscriptions.dropped,
    rights = {
        producer = { 'publish', 'publish_many', 'topics' },
        admin = { 'subscribe', 'unsubscribe' },
    },
}
