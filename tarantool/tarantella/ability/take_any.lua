-- `queue.take_any`: tasks of several tubes by one call and one wait.

local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local registry = require('tarantella.registry')
local engine = require('tarantella.take_any')

local OPTIONS = { n = true, key = true, attempts = true }
local EXPECTED = 'an array of names of tubes, or a map of their names and weights'

-- Sorted names, and weights by name, of { 'a', 'b' } or { a = 3, b = 1 }.
local function parse(value)
    if type(value) ~= 'table' or next(value) == nil then
        errors.invalid('tubes', EXPECTED, value)
    end
    local names, weights = {}, {}
    for key, given in pairs(value) do
        local name = type(key) == 'number' and given or key
        if type(name) ~= 'string' then
            errors.invalid('tubes', EXPECTED, name)
        elseif weights[name] ~= nil then
            errors.raise('INVALID_ARGUMENT', ('Expected each tube once, got `%s` twice'):format(name:sub(1, 64)))
        end
        weights[name] = type(key) == 'number' and 1 or args.integer('weight', given, 1, const.MAX_WEIGHT)
        table.insert(names, name)
        if #names > const.MAX_TUBES_OF_TAKE then
            errors.raise('INVALID_ARGUMENT', ('Expected at most %d tubes'):format(const.MAX_TUBES_OF_TAKE))
        end
    end
    table.sort(names)
    return names, weights
end

---@param tubes table {'a', 'b'} or {a = weight, b = weight}
---@param timeout number|nil seconds to wait, nil for ever
---@param opts table|nil {n = 1, key = for cancel_take, attempts = true}
---@return box.tuple tasks, each [tube, id, 't', data, token], with {attempts = true}
---[tube, id, 't', data, token, number of this attempt]; none on timeout
local function take_any(tubes, timeout, opts)
    local names, by_name = parse(tubes)
    timeout = args.seconds('timeout', timeout)
    local o = args.options('opts', opts) or {}
    args.known_only(o, OPTIONS, 'take_any')
    local want = {
        n = o.n ~= nil and args.count('n', o.n, const.MAX_TAKE) or 1,
        key = o.key ~= nil and args.key(o.key) or nil,
        with_attempts = o.attempts == true,
    }
    local list, weights = {}, {}
    for i, name in ipairs(names) do
        local tube = registry.get(name)
        if tube == nil or not tube:await() then
            errors.raise('TUBE_NOT_FOUND', ('Tube not found: %s'):format(name:sub(1, 64)))
        end
        list[i], weights[i] = tube, by_name[name]
    end
    return engine.run(list, weights, timeout, want)
end

return {
    name = 'take_any',
    functions = { take_any = take_any },
    rights = { consumer = { 'take_any' } },
}
