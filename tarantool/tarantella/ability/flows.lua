-- The ability `flows`: a parent task waits until its children have ended. Trees of tasks
-- over tubes with the option `flows` are put by one call, in one transaction.

local log = require('log')
local args = require('tarantella.api.args')
local children = require('tarantella.ability.children')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local outcomes = require('tarantella.ability.outcomes')
local put = require('tarantella.put')
local registry = require('tarantella.registry')
local schedule = require('tarantella.schedule.schedule')

local NODE_FIELDS = { tube = true, data = true, opts = true, children = true, on_fail = true }
local POLICIES = { fail = true, ignore = true, ['continue'] = true }
local RETRY_S = 1

local function check_option(value, _, o)
    if type(value) ~= 'boolean' then
        errors.invalid('flows', 'a boolean', value)
    elseif value and (o.engine == 'vinyl' or o.temporary) then
        errors.invalid('flows', 'left out with the vinyl engine and with `temporary`', value)
    end
    return value or nil
end

local function refuse(path, text, ...)
    errors.raise('INVALID_ARGUMENT', ('%s: %s'):format(path, text:format(...)))
end

-- Raises what `fn` raises, with the place in the tree in front of it.
local function at(path, fn, ...)
    local ok, result = pcall(fn, ...)
    if not ok then
        local code, message = errors.describe(result)
        errors.raise(code, ('%s: %s'):format(path, message))
    end
    return result
end

local function check_place(node, path, count, depth)
    if type(node) ~= 'table' then
        refuse(path, 'expected a task to be a map {tube, data, opts, children, on_fail}, got %s', type(node))
    end
    for name in pairs(node) do
        if not NODE_FIELDS[name] then
            refuse(path, 'unknown field `%s`', tostring(name))
        end
    end
    count.n = count.n + 1
    if count.n > const.MAX_FLOW_TASKS then
        refuse(path, 'a flow has at most %d tasks', const.MAX_FLOW_TASKS)
    elseif depth > const.MAX_FLOW_DEPTH then
        refuse(path, 'a flow is at most %d tasks deep', const.MAX_FLOW_DEPTH)
    end
    if node.on_fail ~= nil and not POLICIES[node.on_fail] then
        refuse(path .. '.on_fail', "expected 'fail', 'ignore' or 'continue', got %s", tostring(node.on_fail))
    elseif node.children ~= nil and type(node.children) ~= 'table' then
        refuse(path .. '.children', 'expected an array, got %s', type(node.children))
    end
end

local function usable_tube(name, path)
    local tube = type(name) == 'string' and registry.get(name) or nil
    if tube == nil or not tube.is_loaded and not tube:await() then
        errors.raise('TUBE_NOT_FOUND', ('%s.tube: there is no tube %s'):format(path, tostring(name)))
    elseif not tube.opts.flows then
        errors.raise('ABILITY_NOT_ENABLED', ('%s.tube: tube %s has no flows: it needs the option `flows`'):format(
            path, name))
    end
    return tube
end

-- The tree as it is to be put; nothing is written before all of it is checked.
local function check(node, path, count, depth)
    check_place(node, path, count, depth)
    local tube = usable_tube(node.tube, path)
    local opts = at(path .. '.opts', args.put_options, tube, node.opts, true) or {}
    if opts.key ~= nil then
        refuse(path .. '.opts', 'a task of a flow has no `key`')
    end
    local checked = {
        tube = tube, data = node.data, opts = opts, on_fail = node.on_fail or 'fail', path = path, children = {},
    }
    for i, child in ipairs(node.children or {}) do
        checked.children[i] = check(child, ('%s.children[%d]'):format(path, i), count, depth + 1)
    end
    return checked
end

-- A parent's delay and life begin when its children have ended.
local function hold_back(node)
    local opts, tube = node.opts, node.tube
    local ttl = opts.ttl or tube.ttl_us and tube.ttl_us / const.MICRO or nil
    if ttl ~= nil and ttl >= const.MAX_DURATION_S then
        ttl = nil
    end
    opts.meta = opts.meta or {}
    opts.meta.flow = setmetatable({ delay = opts.delay, at = opts.at, ttl = ttl }, { __serialize = 'map' })
    opts.delay, opts.at, opts.ttl, opts.state = nil, nil, const.MAX_DURATION_S, const.WAITING
end

local function insert(node)
    local own = {}
    for i, child in ipairs(node.children) do
        own[i] = insert(child)
    end
    if #own > 0 then
        hold_back(node)
    end
    local task = at(node.path, put.one, node.tube, node.data, node.opts)
    if task == nil then
        errors.raise('QUEUE_FULL', ('%s: tube %s has its capacity of tasks'):format(node.path, node.tube.name))
    end
    local id = tonumber(task[1])
    for i, child in ipairs(node.children) do
        children.add(child.tube.id, own[i].id, node.tube.id, id, i, child.on_fail)
    end
    return setmetatable({ tube = node.tube.name, id = id, children = #own > 0 and own or nil }, { __serialize = 'map' })
end

---Puts a tree of tasks in one transaction.
---@param tree table { tube, data, opts, children = { tree… }, on_fail = 'fail' | 'ignore' | 'continue' }
---@return table { tube, id, children = { the same… } }
local function put_flow(tree)
    local node = check(tree, 'flow', { n = 0 }, 1)
    if box.is_in_txn() then
        return insert(node)
    end
    return box.atomic(insert, node)
end

---@return table per child { tube, id, outcome, error, result }; no outcome: it has not ended
local function list_children(tube, _, _, id)
    id = args.id(id)
    if tube.sched:find(id) == 0 then
        errors.task_not_found(id)
    end
    local all = setmetatable({}, { __serialize = 'seq' })
    for i, child in ipairs(children.of(tube.id, id)) do
        local of = registry.by_id(child.tube_id)
        local kept = of ~= nil and of.outcomes ~= nil and outcomes.get(of, child.task_id) or nil
        all[i] = setmetatable({
            tube = of and of.name, id = tonumber(child.task_id), outcome = child.outcome, error = child.error,
            result = kept and kept.result,
        }, { __serialize = 'map' })
    end
    return all
end

local function attach(tube)
    if not tube.opts.flows then
        return nil
    end
    -- A tube that is truncated or comes with a new master may have lost tasks.
    return { change = children.change, loaded = children.rescan }
end

local function run()
    local ok, cause = pcall(children.run)
    if not ok then
        log.warn('tarantella: parents of flows cannot be changed yet: %s', tostring(cause))
        return RETRY_S
    end
    return not cause and 0 or nil
end

return {
    name = 'flows',
    tube_options = { flows = check_option },
    attach = attach,
    methods = { children = list_children },
    functions = { put_flow = put_flow },
    rights = { producer = { 'put_flow', 'children' }, consumer = { 'children' } },
    statistics = function(tube, to)
        if tube.opts.flows then
            to.tasks.waiting = tube.sched.count[schedule.WAITING]
        end
    end,
    start = children.rescan,
    stop = children.stop,
    dropped = function()
        box.on_commit(children.rescan)
    end,
    run = run,
}
