-- How long a failed task waits: computed here, so that all workers wait alike.

local args = require('tarantella.api.args')
local errors = require('tarantella.errors')

local KNOWN = { kind = true, delay = true, max = true, jitter = true }
-- Longest delay where the policy names none.
local DEFAULT_MAX_S = 86400

-- kind → function(first delay, number of the failure) → seconds
local KINDS = {
    fixed = function(delay) return delay end,
    linear = function(delay, attempts) return delay * attempts end,
    exponential = function(delay, attempts) return delay * 2 ^ (attempts - 1) end,
}

local backoff = {}

---@return table { kind, delay, max, jitter }: seconds, and a share of the delay from 0 to 1
function backoff.check(value)
    if type(value) ~= 'table' then
        errors.invalid('backoff', 'a map {kind, delay, max, jitter}', value)
    end
    args.known_only(value, KNOWN, 'backoff')
    if type(value.kind) ~= 'string' or KINDS[value.kind] == nil then
        errors.invalid('backoff.kind', "'fixed', 'linear' or 'exponential'", value.kind)
    end
    local delay = args.delay('backoff.delay', value.delay)
    if delay == nil then
        errors.invalid('backoff.delay', 'a number of seconds >= 0', value.delay)
    end
    local jitter = value.jitter
    if jitter ~= nil and (type(jitter) ~= 'number' or not (jitter >= 0 and jitter <= 1)) then
        errors.invalid('backoff.jitter', 'a number from 0 to 1', jitter)
    end
    return { kind = value.kind, delay = delay, max = args.delay('backoff.max', value.max), jitter = jitter }
end

---@param policy table|nil what `check` gave
---@param attempts integer failures so far, this one too
---@return number seconds
function backoff.seconds(policy, attempts)
    if policy == nil then
        return 0
    end
    local longest = policy.max or math.max(DEFAULT_MAX_S, policy.delay)
    local delay = math.min(longest, KINDS[policy.kind](policy.delay, attempts))
    return delay * (1 - (policy.jitter or 0) * math.random())
end

return backoff
