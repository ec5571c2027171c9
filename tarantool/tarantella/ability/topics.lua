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
local turn = require('tarantella.turn')
local txn = require('tarantella.txn')
local txn = require('tarantella.txn')

local MAX_TOPIC_BYTES = 256
local MAX_TUBES, MAX_SUBSCRIPTIONS = 1000, 100000
local MAX_LISTED, DEFAULT_LISTED = 1000, 100

local function space()
    return box.space[const.TOPIC_SPACE]
end

local function check_topic(value)
    if type(value) ~= 'string' or #value == 0 or #value > MAX_TOPIC_BYTES then
        errors.invalid('topic', ('a string of 1 to %d bytes'):format(MAX_TOPIC_BYTES), value)
    end
    return value
end

local function usable(tube)
    if tube == nil or not tube:await() then
        errors.tube_not_found()
    end
    return tube
end

local functions = {}

---@return boolean whether the tube was not subscribed before
function functions.subscribe(topic, tube_name)
    check_topic(topic)
    local tube = usable(type(tube_name) == 'string' and registry.get(tube_name) or nil)
    if tube.store.is_vinyl then
        errors.raise('INVALID_ARGUMENT', 'A tube of the vinyl engine cannot be subscribed: '
            .. 'one transaction cannot have rows of both engines')
    elseif space():get({ topic, tube.id }) ~= nil then
        return false
    elseif space().index.topic:count({ topic }) >= MAX_TUBES then
        errors.raise('TOO_MANY_SUBSCRIPTIONS', ('No more than %d tubes can be subscribed to a topic'):format(MAX_TUBES))
    elseif space():len() >= MAX_SUBSCRIPTIONS then
        errors.raise('TOO_MANY_SUBSCRIPTIONS', ('No more than %d subscriptions can be kept'):format(MAX_SUBSCRIPTIONS))
    end
    space():replace({ topic, tube.id })
    return true
end

---@return boolean whether the tube was subscribed
function functions.unsubscribe(topic, tube_name)
    check_topic(topic)
    local tube = usable(type(tube_name) == 'string' and registry.get(tube_name) or nil)
    return space():delete({ topic, tube.id }) ~= nil
end

local function name_of(tube_id)
    local record = box.space[const.TUBE_SPACE]:get(tube_id)
    return record ~= nil and record.name or nil
end

local LIST_OPTIONS = { after = true, limit = true }

---@param opts table|nil {after = topic, limit = 100}
---@return table[] {topic, tubes = names}, in order of the topics
function functions.topics(opts)
    opts = args.options('opts', opts) or {}
    args.known_only(opts, LIST_OPTIONS, 'topics')
    local limit = opts.limit == nil and DEFAULT_LISTED or args.integer('limit', opts.limit, 1, MAX_LISTED)
    local last = opts.after ~= nil and check_topic(opts.after) or ''
    local list = setmetatable({}, { __serialize = 'seq' })
    while #list < limit do
        local first = space().index.topic:select({ last }, { iterator = 'GT', limit = 1 })[1]
        if first == nil then
            break
        end
        last = first.topic
        local tubes = {}
        for _, row in ipairs(space().index.topic:select({ last })) do
            table.insert(tubes, name_of(row.tube_id))
        end
        table.insert(list, { topic = last, tubes = tubes })
    end
    return list
end

local function subscribed(topic)
    local tubes = {}
    for _, row in ipairs(space().index.topic:select({ topic })) do
        local tube = registry.get(name_of(row.tube_id))
        if tube ~= nil and tube.id == row.tube_id and tube:await() then
            table.insert(tubes, tube)
        end
    end
    return tubes
end

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
            error(errors.new('QUEUE_FULL', ('Tube %s has its capacity of %s tasks'):format(tube.name, tube.capacity)), 0)
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
    local tubes = subscribed(check_topic(topic))
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
    check_topic(topic)
    given = args.list('tasks', given)
    local tubes, results = subscribed(topic), list()
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

-- A tube that goes is subscribed no more.
local function dropped(tube_id)
    for _, row in ipairs(space().index.tube:select({ tube_id })) do
        space():delete({ row.topic, tube_id })
    end
end

return {
    name = 'topics',
    functions = functions,
    dropped = dropped,
    rights = {
        producer = { 'publish', 'publish_many', 'topics' },
        admin = { 'subscribe', 'unsubscribe' },
    },
}
