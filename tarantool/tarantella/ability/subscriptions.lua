-- Which tubes are subscribed to which topics.

local clock = require('clock')
local fiber = require('fiber')
local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local registry = require('tarantella.registry')

local MAX_TOPIC_BYTES = 256
local MAX_TUBES, MAX_SUBSCRIPTIONS = 1000, 100000
local MAX_LISTED, DEFAULT_LISTED = 1000, 100

local subscriptions = {}

local function space()
    return box.space[const.TOPIC_SPACE]
end

---@return string
function subscriptions.check_topic(value)
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

---@return boolean whether the tube was not subscribed before
function subscriptions.subscribe(topic, tube_name)
    subscriptions.check_topic(topic)
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
function subscriptions.unsubscribe(topic, tube_name)
    subscriptions.check_topic(topic)
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
function subscriptions.list(opts)
    opts = args.options('opts', opts) or {}
    args.known_only(opts, LIST_OPTIONS, 'topics')
    local limit = opts.limit == nil and DEFAULT_LISTED or args.integer('limit', opts.limit, 1, MAX_LISTED)
    local last = opts.after ~= nil and subscriptions.check_topic(opts.after) or ''
    local list = setmetatable({}, { __serialize = 'seq' })
    local from = clock.monotonic()
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
        -- There may be a hundred thousand names.
        if clock.monotonic() - from > const.SLICE_S and not box.is_in_txn() then
            fiber.sleep(0)
            from = clock.monotonic()
        end
    end
    return list
end

---@return table[] tubes that are subscribed, and can be used
function subscriptions.tubes_of(topic)
    local tubes = {}
    for _, row in ipairs(space().index.topic:select({ topic })) do
        local tube = registry.get(name_of(row.tube_id))
        if tube ~= nil and tube.id == row.tube_id and tube:await() then
            table.insert(tubes, tube)
        end
    end
    return tubes
end

---A tube that goes is subscribed no more.
function subscriptions.dropped(tube_id)
    for _, row in ipairs(space().index.tube:select({ tube_id })) do
        space():delete({ row.topic, tube_id })
    end
end

return subscriptions
