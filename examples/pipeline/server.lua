-- The queue, and the store at the pipeline's end, which takes its time as a remote one does.

local fiber = require('fiber')
local fio = require('fio')
local instance = dofile(fio.pathjoin(fio.dirname(fio.abspath(arg[0])), '..', 'server', 'instance.lua'))
local queue = require('tarantella')

local LATENCY = 0.069

function _G.store(id, text)
    fiber.sleep(LATENCY)
    box.space.stored:replace({ id, text })
end

function _G.count_stored()
    return box.space.stored:len()
end

instance.start(function()
    local stored = box.schema.space.create('stored', { if_not_exists = true })
    stored:format({ { 'id', 'unsigned' }, { 'text', 'string' } })
    stored:create_index('pk', { parts = { 'id' }, if_not_exists = true })
    queue.create_tube('work', 'fifottl', { if_not_exists = true, ttr = 60 })
    for _, name in ipairs({ 'store', 'count_stored' }) do
        box.schema.func.create(name, { setuid = true, if_not_exists = true })
        box.schema.user.grant('app', 'execute', 'function', name, { if_not_exists = true })
    end
    for _, role in ipairs({ 'tarantella_producer', 'tarantella_consumer' }) do
        box.schema.user.grant('app', role, nil, nil, { if_not_exists = true })
    end
end)
