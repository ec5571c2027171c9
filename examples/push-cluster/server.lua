-- One server of the cluster: the queue, and a copy of the whole user base.

local fio = require('fio')
local instance = dofile(fio.pathjoin(fio.dirname(fio.abspath(arg[0])), '..', 'server', 'instance.lua'))

local NAMES = { 'ann', 'bob', 'chloe', 'dmitri', 'emre', 'fatou', 'zoe' }

---Keys as they grow over the years: a dense block, numbers with ever larger holes, and, since the last merger, texts.
---A range cut by arithmetic would be empty, or too large, or impossible.
local function key_of(i)
    if i % 10 < 4 then
        return i
    elseif i % 10 < 7 then
        return 1000000 + i * i
    end
    return ('%s.%d@example.org'):format(NAMES[i % #NAMES + 1], i)
end

---The same users on every server.
function _G.fill_users(count)
    box.atomic(function()
        for i = 1, count do
            box.space.users:replace({ key_of(i), i % 3 == 0 and 'ios' or 'android', ('token-%d'):format(i) })
        end
    end)
    return box.space.users:len()
end

instance.start(function()
    local users = box.schema.space.create('users', { if_not_exists = true })
    users:format({ { 'id', 'scalar' }, { 'platform', 'string' }, { 'token', 'string' } })
    users:create_index('pk', { parts = { 'id' }, if_not_exists = true })

    box.schema.func.create('fill_users', { setuid = true, if_not_exists = true })
    box.schema.user.grant('app', 'execute', 'function', 'fill_users', { if_not_exists = true })
    box.schema.user.grant('app', 'read', 'space', 'users', { if_not_exists = true })
    for _, role in ipairs({ 'tarantella_admin', 'tarantella_producer', 'tarantella_consumer' }) do
        box.schema.user.grant('app', role, nil, nil, { if_not_exists = true })
    end
end)
