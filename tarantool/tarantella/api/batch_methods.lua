-- The *_many methods and what belongs to them. An item that cannot be understood
-- fails alone, as one that the server refuses does.

local args = require('tarantella.api.args')
local batch = require('tarantella.batch')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local put = require('tarantella.put')
local take = require('tarantella.take')

local methods = {}

local TAKE_OPTIONS = { key = true, utube = true, attempts = true }
local RELEASE_OPTIONS = { delay = true, at = true }

---@return box.tuple per item [id, state] or {code, message}
function methods.put_many(tube, _, _, items)
    items = args.list('tasks', items)
    local count = #items
    local payloads, options, failures = {}, {}, {}
    for i = 1, count do
        local item = items[i]
        if type(item) ~= 'table' or item[1] == nil and item[2] == nil and #item == 0 then
            failures[i] = errors.new('INVALID_ARGUMENT', 'Expected a task to be an array {data, opts}')
        else
            payloads[i] = item[1]
            if item[2] ~= nil then
                local ok, checked = pcall(args.put_options, tube, item[2], true)
                if ok then
                    options[i] = checked
                else
                    failures[i] = checked
                end
            end
        end
    end
    return put.many(tube, payloads, options, count, failures)
end

-- Arguments of take.many.
local function take_arguments(tube, n, timeout, opts)
    n = args.count('n', n, const.MAX_TAKE)
    timeout = args.seconds('timeout', timeout)
    opts = args.options('opts', opts)
    if opts == nil then
        return n, timeout
    end
    args.known_only(opts, TAKE_OPTIONS, 'take_many')
    return n, timeout, opts.key ~= nil and args.key(opts.key) or nil, args.lane_of(tube, opts.utube),
        opts.attempts == true
end

---@param opts table|nil {key = for cancel_take, utube = lane, attempts = true}
---@return box.tuple tasks, each [id, 't', data, token], with {attempts = true} [id, 't', data, token,
---number of this attempt]; none on timeout
function methods.take_many(tube, _, _, n, timeout, opts)
    return take.many(tube, take_arguments(tube, n, timeout, opts))
end

---@return boolean whether a take with this key was waiting
function methods.cancel_take(_, _, _, key)
    return take.cancel(args.key(key))
end

-- Third element of an item, by the kind of call.
local ARGS = {
    release = function(_, value)
        local opts = args.options('opts', value)
        if opts == nil then
            return nil
        end
        args.known_only(opts, RELEASE_OPTIONS, 'release_many')
        return args.release_delay(opts)
    end,
    touch = function(_, value)
        local seconds = args.seconds('increment', value)
        if seconds == nil or seconds == 0 then
            errors.invalid('increment', 'a number of seconds > 0', value)
        end
        return seconds
    end,
}

-- Id, token and argument of an item: `id` or `{id, token, arg}`.
local function parse(tube, read, item)
    if type(item) ~= 'table' then
        return args.id(item)
    end
    return args.id(item[1]), args.token(item[2]), read and read(tube, item[3])
end

local function change(kind)
    local read = ARGS[kind]
    ---@return box.tuple per item [id, state] or {code, message}
    return function(tube, _, _, list)
        if kind == 'touch' and not tube.preset.touch then
            errors.raise('INVALID_ARGUMENT', ('%s queue does not support touch'):format(tube.type))
        end
        list = args.list('items', list)
        local ids, tokens, extra, failures = {}, {}, {}, {}
        for i = 1, #list do
            local ok, id, token, arg = pcall(parse, tube, read, list[i])
            if ok then
                ids[i], tokens[i], extra[i] = id, token, arg
            else
                failures[i] = id
            end
        end
        return batch.change(tube, kind, {
            ids = ids, tokens = tokens, args = extra, failures = failures, count = #list,
        })
    end
end

for _, kind in ipairs({ 'ack', 'release', 'bury', 'touch', 'delete' }) do
    methods[kind .. '_many'] = change(kind)
end

---Finishes tasks and fetches the next ones. The acks are committed when the take begins to wait.
---@param items table as for ack_many
---@param opts table|nil as for take_many
---@return box.tuple results of the acks
---@return box.tuple tasks; {code, message} if the take failed, for the acks stand all the same
function methods.ack_take(tube, strict, given, items, n, timeout, opts)
    local count, seconds, key, lane, with_attempts = take_arguments(tube, n, timeout, opts)
    local results = methods.ack_many(tube, strict, given, items)
    local ok, tasks = pcall(take.many, tube, count, seconds, key, lane, with_attempts)
    if not ok then
        local code, message = errors.describe(tasks)
        tasks = { code = code, message = message }
    end
    return results, tasks
end

return methods
