-- The layout of the queue's own spaces, by numbered steps. The number of the last one
-- is stored, so an instance that starts with newer code does what is missing.
--
-- A step and its number are one transaction, so one that fails leaves nothing and is
-- done again at the next start. A step that has been released is never changed.

local log = require('log')
local const = require('tarantella.const')

local migrations = {}

-- Key of the number in the space META_SPACE.
local VERSION_KEY = 'schema'

local steps = {
    -- Before the steps were numbered these two were made as needed, so they may be there.
    function()
        if box.space[const.TUBE_SPACE] == nil then
            local tubes = box.schema.space.create(const.TUBE_SPACE, { format = {
                { name = 'id', type = 'unsigned' },
                { name = 'name', type = 'string' },
                { name = 'type', type = 'string' },
                { name = 'opts', type = 'map' },
            } })
            tubes:create_index('id', { parts = { 'id' }, sequence = true })
            tubes:create_index('name', { parts = { 'name' } })
        end
        if box.space[const.TOKEN_SPACE] == nil then
            local tokens = box.schema.space.create(const.TOKEN_SPACE, {
                format = { { name = 'id', type = 'unsigned' }, { name = 'next', type = 'unsigned' } },
            })
            tokens:create_index('id', { parts = { 'id' } })
        end
    end,
    -- Leases and sessions of a queue with `in_replicaset`.
    function()
        local leases = box.schema.space.create(const.LEASE_SPACE, { format = {
            { name = 'tube_id', type = 'unsigned' },
            { name = 'task_id', type = 'unsigned' },
            { name = 'connection_id', type = 'unsigned' },
            { name = 'session_uuid', type = 'string' },
            -- Microseconds since 1970; `ends` is null for a lease without end.
            { name = 'taken_time', type = 'unsigned' },
            { name = 'token', type = 'unsigned' },
            { name = 'ends', type = 'unsigned', is_nullable = true },
        } })
        leases:create_index('task', { parts = { 'tube_id', 'task_id' } })
        local sessions = box.schema.space.create(const.SESSION_SPACE, {
            format = { { name = 'uuid', type = 'string' } },
        })
        sessions:create_index('uuid', { parts = { 'uuid' } })
    end,
    -- Recurring schedules, the stream of events, the tubes of topics. Moments in microseconds.
    function()
        local schedules = box.schema.space.create(const.SCHEDULE_SPACE, { format = {
            { name = 'name', type = 'string' },
            { name = 'tube', type = 'string' },
            -- When the timer has something to do; null: paused, ended or out of ticks.
            { name = 'due', type = 'unsigned', is_nullable = true },
            -- From when on health speaks of it; null: never.
            { name = 'alarm', type = 'unsigned', is_nullable = true },
            -- The next tick, the last one that was put or passed over, the last one that was put.
            { name = 'next_tick', type = 'unsigned', is_nullable = true },
            { name = 'seen_tick', type = 'unsigned' },
            { name = 'last_tick', type = 'unsigned', is_nullable = true },
            { name = 'count', type = 'unsigned' },
            { name = 'errors', type = 'unsigned' },
            { name = 'error', type = 'string', is_nullable = true },
            { name = 'is_paused', type = 'boolean' },
            -- Those of a period; null for a list of ticks.
            { name = 'every', type = 'unsigned', is_nullable = true },
            { name = 'anchor', type = 'unsigned', is_nullable = true },
            { name = 'ticks', type = 'array', is_nullable = true },
            { name = 'rules', type = 'map' },
            { name = 'data', type = 'any', is_nullable = true },
        } })
        schedules:create_index('name', { parts = { 'name' } })
        schedules:create_index('due', { unique = false, parts = { { 'due', is_nullable = true } } })
        schedules:create_index('alarm', { unique = false, parts = { { 'alarm', is_nullable = true } } })
        local events = box.schema.space.create(const.EVENT_SPACE, { format = {
            { name = 'seq', type = 'unsigned' },
            { name = 'time', type = 'unsigned' },
            { name = 'tube', type = 'string' },
            { name = 'id', type = 'unsigned' },
            { name = 'event', type = 'string' },
            { name = 'state', type = 'string' },
            { name = 'extra', type = 'map', is_nullable = true },
        } })
        events:create_index('seq', { parts = { 'seq' }, sequence = true })
        events:create_index('tube', { parts = { 'tube', 'seq' } })
        local topics = box.schema.space.create(const.TOPIC_SPACE, { format = {
            { name = 'topic', type = 'string' },
            { name = 'tube_id', type = 'unsigned' },
        } })
        topics:create_index('topic', { parts = { 'topic', 'tube_id' } })
        topics:create_index('tube', { parts = { 'tube_id', 'topic' } })
    end,
    -- Keys of tubes with `dedup`.
    function()
        local keys = box.schema.space.create(const.KEY_SPACE, { format = {
            { name = 'tube_id', type = 'unsigned' },
            { name = 'key', type = 'string' },
            -- The task that has the key, or had it until it ended.
            { name = 'task_id', type = 'unsigned' },
            { name = 'is_ended', type = 'boolean' },
            -- Microseconds since 1970: the key is not free before, even if the task has ended.
            { name = 'ends', type = 'unsigned', is_nullable = true },
            -- The run that is to follow the task: options of a put, and `data` as MessagePack.
            { name = 'run', type = 'map', is_nullable = true },
        } })
        keys:create_index('key', { parts = { 'tube_id', 'key' } })
        keys:create_index('ends', { unique = false, parts = { { 'ends', is_nullable = true } } })
    end,
    -- Rates and pauses of tubes and of their lanes. Without a row, a tube has what its
    -- options say.
    function()
        local settings = box.schema.space.create(const.FLOW_SPACE, { format = {
            { name = 'tube_id', type = 'unsigned' },
            -- Of the `tube`, of `each` lane, of one `lane`.
            { name = 'scope', type = 'string' },
            { name = 'lane', type = 'string' },
            { name = 'is_paused', type = 'boolean' },
            -- Deliveries a second, and beyond it at once; null: no limit.
            { name = 'rate', type = 'number', is_nullable = true },
            { name = 'burst', type = 'number', is_nullable = true },
        } })
        settings:create_index('scope', { parts = { 'tube_id', 'scope', 'lane' } })
    end,
    -- How tasks of tubes with `keep` have ended.
    function()
        local results = box.schema.space.create(const.RESULT_SPACE, { format = {
            { name = 'tube_id', type = 'unsigned' },
            { name = 'task_id', type = 'unsigned' },
            -- done, failed, deleted or expired.
            { name = 'outcome', type = 'string' },
            { name = 'is_done', type = 'boolean' },
            -- Counts up in its tube and kind: the lowest go first.
            { name = 'number', type = 'unsigned' },
            -- Microseconds since 1970: when it ended, and when this row goes.
            { name = 'ended', type = 'unsigned' },
            { name = 'ends', type = 'unsigned', is_nullable = true },
            { name = 'error', type = 'string', is_nullable = true },
            { name = 'log', type = 'array', is_nullable = true },
            { name = 'progress', type = 'any', is_nullable = true },
            { name = 'result', type = 'any', is_nullable = true },
        } })
        results:create_index('task', { parts = { 'tube_id', 'task_id' } })
        results:create_index('number', { unique = false, parts = { 'tube_id', 'is_done', 'number' } })
        results:create_index('ends', { unique = false, parts = { { 'ends', is_nullable = true } } })
    end,
    -- Flows: children and what their parents wait for.
    function()
        local children = box.schema.space.create(const.CHILD_SPACE, { format = {
            { name = 'tube_id', type = 'unsigned' },
            { name = 'task_id', type = 'unsigned' },
            { name = 'parent_tube_id', type = 'unsigned' },
            { name = 'parent_id', type = 'unsigned' },
            -- Among its siblings.
            { name = 'place', type = 'unsigned' },
            -- fail, ignore or continue.
            { name = 'on_fail', type = 'string' },
            -- open, done, ignored, continue or failed: what it means for the parent.
            { name = 'status', type = 'string' },
            -- done, failed, deleted or expired; null while it is open.
            { name = 'outcome', type = 'string', is_nullable = true },
            { name = 'error', type = 'string', is_nullable = true },
        } })
        children:create_index('child', { parts = { 'tube_id', 'task_id' } })
        children:create_index('parent', {
            parts = { 'parent_tube_id', 'parent_id', 'status', 'tube_id', 'task_id' },
        })
    end,
}

---@return integer number of the last step that was done, 0 for none
function migrations.version()
    local meta = box.space[const.META_SPACE]
    local row = meta ~= nil and meta:get(VERSION_KEY)
    return row and row.value or 0
end

local function step_to(step, number)
    if box.space[const.META_SPACE] == nil then
        local meta = box.schema.space.create(const.META_SPACE, {
            format = { { name = 'key', type = 'string' }, { name = 'value', type = 'any' } },
        })
        meta:create_index('key', { parts = { 'key' } })
    end
    step()
    box.space[const.META_SPACE]:replace({ VERSION_KEY, number })
end

---Does the steps that are missing; on a writable instance.
---@param list table|nil functions, by default the queue's own
function migrations.run(list)
    list = list or steps
    local done = migrations.version()
    if done > #list then
        error(('The spaces of the queue have version %d, this module knows %d: it is older than the data'):format(
            done, #list), 0)
    end
    for number = done + 1, #list do
        box.atomic(step_to, list[number], number)
        log.info('tarantella: the spaces of the queue have version %d now', number)
    end
end

---The queue's own steps.
migrations.steps = steps

return migrations
