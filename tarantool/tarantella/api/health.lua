-- What a health check wants to know, cheap enough to be asked every second.

local abilities = require('tarantella.abilities')
local registry = require('tarantella.registry')
local role = require('tarantella.role')
local compat = require('tarantella.compat')
local version = require('tarantella.version')

local health = {}

---@return table {ready: boolean, state: string, version: string, server: string, tubes: integer, warnings: string[]}
function health.report()
    local warnings = setmetatable({}, { __serialize = 'seq' })
    if compat.loses_rows_after_checkpoint() then
        table.insert(warnings, 'this Tarantool can lose confirmed rows when it crashes after a checkpoint '
            .. 'under load (tarantool#11028); 2.11.10, 3.7.2 and 3.8.1 do not')
    end
    if box.cfg.wal_mode == 'none' then
        table.insert(warnings, "wal_mode is 'none': tasks do not outlive the process")
    end
    abilities.each('health', function(name, cause)
        table.insert(warnings, ('%s: %s'):format(name, tostring(cause)))
    end, warnings)
    local tubes = 0
    for _ in pairs(registry.all()) do
        tubes = tubes + 1
    end
    return {
        ready = role.state() == 'RUNNING',
        state = role.state(),
        version = version,
        server = box.info.version,
        tubes = tubes,
        warnings = warnings,
    }
end

return health
