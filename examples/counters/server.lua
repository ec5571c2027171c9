-- Counters and profiles: two spaces, no function.

local fio = require('fio')
local instance = dofile(fio.pathjoin(fio.dirname(fio.abspath(arg[0])), '..', 'server', 'instance.lua'))

instance.start(function()
    local counters = box.schema.space.create('counters', { if_not_exists = true })
    counters:format({ { 'name', 'string' }, { 'count', 'integer' } })
    counters:create_index('pk', { parts = { 'name' }, if_not_exists = true })

    local profiles = box.schema.space.create('profiles', { if_not_exists = true })
    profiles:format({
        { 'id', 'unsigned' },
        { 'version', 'unsigned' },
        { 'name', 'string' },
        { 'active', 'boolean' },
        -- A set: its members are the keys of a map.
        { 'tags', 'map' },
    })
    profiles:create_index('pk', { parts = { 'id' }, if_not_exists = true })
    -- Who updates by this index updates the version that he has read, or nothing.
    profiles:create_index('version', { parts = { 'id', 'version' }, if_not_exists = true })

    box.schema.user.grant('app', 'read,write', 'space', 'counters', { if_not_exists = true })
    box.schema.user.grant('app', 'read,write', 'space', 'profiles', { if_not_exists = true })
end)
