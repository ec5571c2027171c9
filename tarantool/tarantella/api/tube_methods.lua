-- Methods of a tube object, `queue.tube.NAME:put(...)`: the contract of tarantool/queue
-- with additions. `strict` (the generic functions) refuses options that are not known.

local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local put = require('tarantella.put')
local registry = require('tarantella.registry')
local take = require('tarantella.take')
local task = require('tarantella.task')

local methods = {}

local RELEASE_OPTIONS = { delay = true, at = true, token = true }
local TOKEN_OPTIONS = { token = true }
local TAKE_OPTIONS = { token = true, utube = true, attempts = true }

local function token_of(opts, strict, what)
    opts = args.options('opts', opts)
    if opts == nil then
        return nil
    end
    if strict then
        args.known_only(opts, TOKEN_OPTIONS, what)
    end
    return opts.token
end

---@return box.tuple|nil [id, state, data]; nil if a tube with a capacity is full
function methods.put(tube, strict, given, data, opts)
    if given == 0 then
        errors.raise('INVALID_ARGUMENT', 'Tuple field 3 (data) required by space format is missing')
    end
    return put.one(tube, data, args.put_options(tube, opts, strict))
end

---@param opts table|nil {token = true, attempts = true, utube = lane}
---@return box.tuple|nil [id, 't', data], with {token = true} [id, 't', data, token], with {attempts = true}
---[id, 't', data, token, number of this attempt]; no value on timeout
function methods.take(tube, strict, _, timeout, opts)
    local with_token, lane, with_attempts = false, nil, nil
    if opts ~= nil then
        opts = args.options('opts', opts)
        if strict then
            args.known_only(opts, TAKE_OPTIONS, 'take')
        end
        with_token, lane = opts.token == true, args.lane_of(tube, opts.utube)
        with_attempts = opts.attempts == true
    end
    local found = take.one(tube, args.seconds('timeout', timeout), with_token, lane, with_attempts)
    -- Not asked whether it is nil: a tuple compares by a call of its own.
    if found then
        return found
    end
end

---@return box.tuple [id, '-', data]
function methods.ack(tube, _, _, id, token)
    return task.ack(tube, args.id(id), args.token(token))
end

---@return box.tuple [id, 'r' or '~', data]
function methods.release(tube, strict, _, id, opts)
    opts = args.options('opts', opts) or {}
    if strict then
        args.known_only(opts, RELEASE_OPTIONS, 'release')
    end
    local delay = args.release_delay(opts)
    if not strict and not tube.preset.options.delay then
        -- As in tarantool/queue. By its name a tube of any type can wait: workers pause between tries.
        delay = nil
    end
    return task.release(tube, args.id(id), delay, args.token(opts.token))
end

---@return box.tuple [id, '!', data]
function methods.bury(tube, strict, _, id, opts)
    return task.bury(tube, args.id(id), args.token(token_of(opts, strict, 'bury')))
end

---@return integer how many were kicked
function methods.kick(tube, _, _, count)
    return task.kick(tube, count == nil and 1 or args.integer('count', count, 0, const.MAX_SAFE_INTEGER))
end

---@return box.tuple [id, state, data]
function methods.peek(tube, _, _, id)
    return task.peek(tube, args.id(id))
end

---@return box.tuple|nil [id, 't', data]; no value when there is nothing to add
function methods.touch(tube, strict, _, id, increment, opts)
    if not tube.preset.touch then
        errors.raise('INVALID_ARGUMENT', ('%s queue does not support touch'):format(tube.type))
    end
    -- A negative increment is no touch, as in tarantool/queue.
    if increment == nil or type(increment) == 'number' and increment <= 0 then
        return
    end
    local seconds = args.seconds('increment', increment)
    return task.touch(tube, args.id(id), seconds, args.token(token_of(opts, strict, 'touch')))
end

---@return box.tuple [id, '-', data]
function methods.delete(tube, _, _, id)
    return task.delete(tube, args.id(id))
end

function methods.truncate(tube)
    tube:truncate()
end

---@return boolean true
function methods.drop(tube)
    registry.drop(tube)
    return true
end

function methods.release_all(tube)
    task.release_all(tube)
end

return methods
