-- `queue.cfg{ttr = seconds, in_replicaset = boolean}`, before or after the start.
--
-- ttr: how long leases outlive their connection; kept by a call that leaves it out.
-- in_replicaset: whether leases are written, so that they outlive a change of the
-- master; false in a call that leaves it out, as in tarantool/queue.

local log = require('log')
local args = require('tarantella.api.args')
local durable = require('tarantella.durable')
local errors = require('tarantella.errors')
local registry = require('tarantella.registry')
local role = require('tarantella.role')
local session = require('tarantella.session')

local function check(opts)
    for name, value in pairs(opts) do
        if name == 'ttr' then
            if type(value) ~= 'number' or value < 0 or value ~= value then
                errors.raise('INVALID_ARGUMENT', ('Invalid value of ttr: %s'):format(tostring(value)))
            end
        elseif name == 'in_replicaset' then
            if type(value) ~= 'boolean' then
                errors.raise('INVALID_ARGUMENT', ('Invalid value of in_replicaset: %s'):format(tostring(value)))
            end
        else
            errors.raise('INVALID_ARGUMENT', ('Unknown option %s'):format(tostring(name)))
        end
    end
end

-- A temporary space has no rows on the next master.
local function temporary_tubes()
    local names = {}
    for name, tube in pairs(registry.all()) do
        if tube.opts.temporary then
            table.insert(names, name)
        end
    end
    table.sort(names)
    return names
end

local function configure(self, opts)
    opts = args.options('opts', opts) or {}
    check(opts)
    local in_replicaset = opts.in_replicaset or false
    local temporary = in_replicaset and temporary_tubes() or {}
    if #temporary > 0 then
        log.error('tarantella: cannot set `in_replicaset = true`: temporary tube(s) exists: %s',
            table.concat(temporary, ', '))
        in_replicaset = false
    end
    if opts.ttr ~= nil then
        session.set_ttr(opts.ttr)
        self.ttr = opts.ttr
    end
    durable.want(in_replicaset)
    self.in_replicaset = in_replicaset
    if role.state() == 'RUNNING' then
        durable.switch(registry.all())
    end
end

return setmetatable({}, { __call = configure })
