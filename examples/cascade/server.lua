-- One server of the cascade: the queue, and a copy of the user base.

local fio = require('fio')
local instance = dofile(fio.pathjoin(fio.dirname(fio.abspath(arg[0])), '..', 'server', 'instance.lua'))

local NAMES = { 'ann', 'bob', 'chloe', 'dmitri', 'emre', 'fatou', 'zoe' }

---Of the numbers 1 to `last` there is every one from 40 % to 50 %, none from 60 % to 80 %, and else every seventh.
local function is_there(id, last)
    local part = id / last
    if part >= 0.4 and part < 0.5 then
        return true
    end
    return id % 7 == 0 and (part < 0.6 or part >= 0.8)
end

---The same users on every server.
function _G.fill_users(last, named)
    box.atomic(function()
        for id = 1, last do
            if is_there(id, last) then
                box.space.numbered:replace({ id })
            end
        end
        for i = 1, named do
            box.space.named:replace({ ('%s.%d'):format(NAMES[i % #NAMES + 1], i * i) })
        end
    end)
end

instance.start(function()
    for name, type in pairs({ numbered = 'unsigned', named = 'string' }) do
        local space = box.schema.space.create(name, { if_not_exists = true })
        space:format({ { 'id', type } })
        space:create_index('pk', { parts = { 'id' }, if_not_exists = true })
        box.schema.user.grant('app', 'read', 'space', name, { if_not_exists = true })
    end
    box.schema.func.create('fill_users', { setuid = true, if_not_exists = true })
    box.schema.user.grant('app', 'execute', 'function', 'fill_users', { if_not_exists = true })
    for _, role in ipairs({ 'tarantella_admin', 'tarantella_producer', 'tarantella_consumer' }) do
        box.schema.user.grant('app', role, nil, nil, { if_not_exists = true })
    end
end)
