-- What the functions of `results` ask of their callers: a tube that keeps results, a task
-- that the caller holds.

local args = require('tarantella.api.args')
local errors = require('tarantella.errors')
local lease = require('tarantella.lease')

local TOKEN_OPTIONS = { token = true }

local holder = {}

---@return table what outcomes.lua keeps of the tube
function holder.need(tube, name)
    if tube.outcomes == nil then
        errors.raise('ABILITY_NOT_ENABLED',
            ('Tube %s keeps no results: `%s` needs a tube with `keep`'):format(tube.name, name))
    end
    return tube.outcomes
end

---@return integer record that the caller holds
function holder.held(tube, id, token)
    local n = lease.find(tube.sched, id, token)
    if n == 0 then
        errors.not_taken()
    end
    return n
end

---@return integer|nil
function holder.token_of(opts, what)
    opts = args.options('opts', opts)
    if opts == nil then
        return nil
    end
    args.known_only(opts, TOKEN_OPTIONS, what)
    return args.token(opts.token)
end

return holder
