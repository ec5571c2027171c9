#!/usr/bin/env tarantool
-- The id map against a Lua table.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local idmap = require('tarantella.schedule.idmap')
local nodes = require('tarantella.schedule.nodes')

local function differences(map, model)
    local wrong = 0
    for id, n in pairs(model) do
        if map:find(id) ~= n then
            wrong = wrong + 1
        end
    end
    return wrong
end

fixture.run('idmap', {
    { 'random additions and removals find what a Lua table holds', function(test)
        for seed = 1, 10 do
            math.randomseed(seed)
            local slab = nodes.new()
            local map, model, ids, next_id = idmap.new(slab), {}, {}, 1
            local wrong = 0
            for _ = 1, 5000 do
                if math.random(100) <= 55 then
                    -- Runs, gaps and numbers near the end of the exact integers.
                    next_id = math.random(200) == 1 and next_id + 2 ^ 44 or next_id + math.random(3)
                    local n = slab:alloc()
                    slab.d[n * nodes.DOUBLES + nodes.ID] = next_id
                    map:add(n)
                    model[next_id] = n
                    table.insert(ids, next_id)
                elseif #ids > 0 then
                    local at = math.random(#ids)
                    local id = ids[at]
                    ids[at] = ids[#ids]
                    ids[#ids] = nil
                    map:remove(id)
                    slab:release(model[id])
                    model[id] = nil
                    wrong = wrong + (map:find(id) == 0 and 0 or 1)
                end
            end
            test:is(wrong + differences(map, model), 0, ('seed %d'):format(seed))
            test:is(map.n, #ids, 'as many as the table')
        end
    end },
    { 'room that is made beforehand holds what was expected without growing', function(test)
        local slab = nodes.new()
        local map = idmap.new(slab, 1000)
        local size = map.mask
        for id = 1, 1000 do
            local n = slab:alloc()
            slab.d[n * nodes.DOUBLES + nodes.ID] = id
            map:add(n)
        end
        test:is(map.mask, size, 'the same size')
    end },
})
