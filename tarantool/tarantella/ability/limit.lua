-- `queue.limit` and `queue.limit_many`: rate limits that all clients of this server share.

local args = require('tarantella.api.args')
local errors = require('tarantella.errors')
local limiter = require('tarantella.limiter')

local KNOWN = { rate = true, burst = true, delay = true, nodelay = true, size = true }
local MAX_RATE = 1000000
local MAX_BURST = 1000000
local MAX_SIZE = 1000000
local DEFAULT_SIZE = 10000

-- What all callers share, for the life of the process.
local shared = limiter.new()

local function text(name, value)
    value = tostring(args.key(value))
    if value == '' then
        errors.invalid(name, 'not empty', value)
    end
    return value
end

local function number(name, value, default, least, most)
    if value == nil then
        return default
    end
    if type(value) ~= 'number' or not (value >= least and value <= most) then
        errors.invalid(name, ('a number from %g to %g'):format(least, most), value)
    end
    return value
end

-- The form that limiter.lua counts in: thousandths.
local function parse(opts)
    opts = args.options('opts', opts) or {}
    args.known_only(opts, KNOWN, 'limit')
    if opts.rate == nil then
        errors.invalid('rate', 'a number', nil)
    end
    local nodelay = opts.nodelay
    if nodelay ~= nil and type(nodelay) ~= 'boolean' then
        errors.invalid('nodelay', 'a boolean', nodelay)
    end
    return {
        rate = math.floor(number('rate', opts.rate, nil, 0.001, MAX_RATE) * 1000 + 0.5),
        burst = math.floor(number('burst', opts.burst, 0, 0, MAX_BURST) * 1000 + 0.5),
        delay = nodelay and math.huge or math.floor(number('delay', opts.delay, 0, 0, MAX_BURST) * 1000 + 0.5),
        size = args.integer('size', opts.size or DEFAULT_SIZE, 1, MAX_SIZE),
    }
end

---@param name string of the zone; calls with the same name and key share a bucket
---@param opts table {rate = calls a second, burst = 0, delay = 0, nodelay = false, size = 10000}
---@return table[] for each key {granted, seconds to wait before going on or asking again, excess}
local function limit_many(name, keys, opts)
    name = text('name', name)
    local checked = {}
    for i, key in ipairs(args.list('keys', keys)) do
        checked[i] = text('key', key)
    end
    return shared:check(name, checked, parse(opts))
end

---@return table {granted, seconds to wait before going on or asking again, excess}
local function limit(name, key, opts)
    return limit_many(name, { text('key', key) }, opts)[1]
end

local NAMES = { 'limit', 'limit_many' }

return {
    name = 'limit',
    functions = { limit = limit, limit_many = limit_many },
    rights = { producer = NAMES, consumer = NAMES },
}
