-- What operators ask and do: pages of tasks, changes by id and by filter, who uses the queue.
-- No tube has to ask for it, and a tube is slower for none of it.

local args = require('tarantella.api.args')
local arguments = require('tarantella.admin.arguments')
local bulk = require('tarantella.admin.bulk')
local change = require('tarantella.admin.change')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local listing = require('tarantella.admin.listing')
local registry = require('tarantella.registry')
local schedule = require('tarantella.schedule.schedule')
local tubes = require('tarantella.admin.tubes')
local who = require('tarantella.admin.who')

local DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
local MAX_PREVIEW = 4096

local methods, functions = {}, {}

local LIST_OPTIONS = { 'state', 'utube', 'after', 'limit', 'reverse', 'preview' }

---@param opts table|nil {state = one or a list, utube, after = id, limit = 100, reverse = false, preview = bytes}
---@return table {tasks = [{id, state, pri, utube, due, dead, ttr, attempts, key, session, bytes,
---   data | preview}], next}
function methods.list(tube, _, _, opts)
    local o = arguments.options(opts, LIST_OPTIONS, 'list')
    if o.reverse ~= nil and type(o.reverse) ~= 'boolean' then
        errors.invalid('reverse', 'a boolean', o.reverse)
    end
    return listing.page(tube, arguments.filter(tube, o), {
        after = arguments.after(o.after), upto = math.huge, is_reverse = o.reverse == true,
        limit = arguments.limit(o.limit, DEFAULT_LIMIT, MAX_LIMIT),
        preview = o.preview ~= nil and args.integer('preview', o.preview, 0, MAX_PREVIEW) or nil,
    })
end

---`list` of one lane's tasks.
function methods.find_lane(tube, strict, given, lane, opts)
    if lane == nil then
        errors.invalid('utube', 'the name of a lane', lane)
    end
    local o = table.copy(args.options('opts', opts) or {})
    o.utube = lane
    return methods.list(tube, strict, given, o)
end

---@return table as an item of list, with `data`, and {meta, delivered, late_token,
---   lease = {session, identity, token, ends}}
function methods.get(tube, _, _, id)
    return listing.get(tube, args.id(id))
end

-- A function of one id, or of a list of them.
---@return box.tuple task [id, state, data]; of a list, per item [id, state] or {code, message}
local function by_id(kind, read)
    return function(tube, _, _, id, opts)
        local arg = read ~= nil and read(tube, opts) or nil
        if type(id) ~= 'table' then
            return change.one(tube, kind, args.id(id), arg)
        end
        local list = args.list('ids', id)
        local items = { ids = {}, args = {}, failures = {}, count = #list }
        for i = 1, #list do
            local ok, checked = pcall(args.id, list[i])
            local to = ok and items.ids or items.failures
            to[i], items.args[i] = checked, arg
        end
        return change.many(tube, kind, items)
    end
end

---Makes delayed tasks ready now.
methods.promote = by_id('promote')
---Makes buried tasks ready.
methods.kick_id = by_id('kick')
---Makes taken tasks ready, whoever holds them; opts: {delay}.
methods.release_id = by_id('release', function(tube, opts)
    local delay = args.delay('delay', arguments.options(opts, { 'delay' }, 'release_id').delay)
    if delay ~= nil and delay > 0 and not tube.preset.options.delay then
        errors.raise('INVALID_ARGUMENT', ('A %s tube has no `delay`'):format(tube.type))
    end
    return delay
end)

---@param opts table {data, pri, at, delay, ttl, ttr, utube}
---@return box.tuple task [id, state, data]
function methods.update(tube, _, _, id, opts)
    return change.one(tube, 'update', args.id(id), arguments.update(tube, opts))
end

---@param list table of {id, opts}
---@return box.tuple per item [id, state] or {code, message}
function methods.update_many(tube, _, _, list)
    list = args.list('items', list)
    local items = { ids = {}, args = {}, failures = {}, count = #list }
    for i = 1, #list do
        local ok, id, o = pcall(function()
            local item = list[i]
            if type(item) ~= 'table' then
                errors.invalid('item', 'an array {id, opts}', item)
            end
            return args.id(item[1]), arguments.update(tube, item[2])
        end)
        if ok then
            items.ids[i], items.args[i] = id, o
        else
            items.failures[i] = id
        end
    end
    return change.many(tube, 'update', items)
end

local function by_filter(kind, state, what)
    return function(tube, _, _, opts)
        local o = arguments.options(opts, { 'utube', 'limit' }, what)
        return bulk.change(tube, kind, arguments.only(tube, state, o),
            arguments.limit(o.limit, bulk.MAX_TASKS, bulk.MAX_TASKS))
    end
end

---Make all buried, all delayed tasks ready, or those of a lane; opts: {utube, limit = 100000}.
---@return table {count, more}
methods.kick_where = by_filter('kick', schedule.BURIED, 'kick_where')
methods.promote_where = by_filter('promote', schedule.DELAYED, 'promote_where')

---Deletes tasks that nobody holds.
---@param opts table|nil {state = one or a list, utube, limit = 100000}
---@return table {count, more}
function methods.drain(tube, _, _, opts)
    local o = arguments.options(opts, { 'state', 'utube', 'limit' }, 'drain')
    return bulk.change(tube, 'delete', arguments.waiting(tube, o),
        arguments.limit(o.limit, bulk.MAX_TASKS, bulk.MAX_TASKS))
end

---Moves tasks that nobody holds into another tube, where they get new ids.
---@param opts table {ids} or {state, utube, limit = 100000}, at least one of them;
---   {kick = true} makes buried ones ready
---@return table {count, more, full, tasks = [[id before, id now]] of up to 1000}
function methods.move(tube, _, _, to, opts)
    local o = arguments.options(opts, { 'ids', 'state', 'utube', 'limit', 'kick' }, 'move')
    if o.ids == nil and o.state == nil and o.utube == nil and o.limit == nil then
        errors.invalid('opts', '`ids`, or some of `state`, `utube` and `limit`', opts)
    elseif o.ids ~= nil and (o.state ~= nil or o.utube ~= nil or o.limit ~= nil) then
        errors.raise('INVALID_ARGUMENT', 'Expected either `ids` or `state`, `utube` and `limit`')
    elseif o.kick ~= nil and type(o.kick) ~= 'boolean' then
        errors.invalid('kick', 'a boolean', o.kick)
    end
    return bulk.move(tube, to, {
        ids = o.ids ~= nil and arguments.ids(o.ids) or nil,
        filter = o.ids == nil and arguments.waiting(tube, o) or nil,
        limit = arguments.limit(o.limit, bulk.MAX_TASKS, bulk.MAX_TASKS),
        is_kicked = o.kick == true,
    })
end

---Drops a tube; with {force = true} also one with taken tasks or waiting takes, which end without a task.
---@return integer how many tasks went with it
function methods.obliterate(tube, _, _, opts)
    local o = arguments.options(opts, { 'force' }, 'obliterate')
    if o.force ~= nil and type(o.force) ~= 'boolean' then
        errors.invalid('force', 'a boolean', o.force)
    end
    local count = tube:len()
    registry.drop(tube, o.force == true)
    return count
end

---@param opts table|nil {limit = 100}
---@return table {total, waiters = [{n, utube, session, connection, peer}]}
function methods.waiters(tube, _, _, opts)
    local o = arguments.options(opts, { 'limit' }, 'waiters')
    return who.waiters(tube, arguments.limit(o.limit, DEFAULT_LIMIT, MAX_LIMIT))
end

---Changes options of a tube; null brings the default back.
---@param opts table {pri, ttl, ttr, capacity, lane_limit}
---@return table as an item of tubes()
function methods.alter(tube, _, _, opts)
    return tubes.alter(tube, arguments.alter(tube, opts))
end

---@param opts table|nil {after = name, limit = 100}
---@return table {tubes = [{name, type, id, engine, opts, tasks, waiting, ready}], next}
function functions.tubes(opts)
    local o = arguments.options(opts, { 'after', 'limit' }, 'tubes')
    if o.after ~= nil and type(o.after) ~= 'string' then
        errors.invalid('after', 'the name of a tube', o.after)
    end
    return tubes.list(o.after or '', arguments.limit(o.limit, DEFAULT_LIMIT, MAX_LIMIT))
end

---@param opts table|nil {after = session, limit = 100}
---@return table {sessions = [{session, identity, taken, tubes, waiting, ends,
---   connections = [{id, peer, waiting}]}], next}
function functions.sessions(opts)
    local o = arguments.options(opts, { 'after', 'limit' }, 'sessions')
    local after = o.after ~= nil and args.integer('after', o.after, 0, const.MAX_SAFE_INTEGER) or 0
    return who.sessions(after, arguments.limit(o.limit, DEFAULT_LIMIT, MAX_LIMIT))
end

local rights = {}
for _, set in ipairs({ methods, functions }) do
    for name in pairs(set) do
        table.insert(rights, name)
    end
end
table.sort(rights)

return { name = 'admin', methods = methods, functions = functions, rights = { admin = rights } }
