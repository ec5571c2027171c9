#!/usr/bin/env tarantool
-- The indexed heap against a sorted list.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local heap = require('tarantella.schedule.heap')
local nodes = require('tarantella.schedule.nodes')

local function is_before(a, b)
    return a.key < b.key or a.key == b.key and a.id < b.id
end

local function first_of(model)
    local best
    for _, item in pairs(model) do
        if best == nil or is_before(item, best) then
            best = item
        end
    end
    return best
end

local function add(slab, under_test, model, id, key)
    local n = slab:alloc()
    slab.d[n * nodes.DOUBLES + nodes.ID] = id
    slab.d[n * nodes.DOUBLES + nodes.KEY] = key
    under_test:push(n)
    model[n] = { n = n, id = id, key = key }
end

fixture.run('heap', {
    { 'random pushes, removals and pops leave in the order of a sorted list', function(test)
        for seed = 1, 20 do
            math.randomseed(seed)
            local slab = nodes.new()
            local under_test = heap.new(slab, nodes.KEY, nodes.POS)
            local model, wrong = {}, 0
            for id = 1, 400 do
                local dice = math.random(10)
                if dice <= 6 then
                    add(slab, under_test, model, id, math.random(5))
                elseif dice <= 8 and next(model) ~= nil then
                    local n = next(model)
                    under_test:remove(n)
                    slab:release(n)
                    model[n] = nil
                else
                    local best = first_of(model)
                    local n = under_test:pop()
                    if n ~= (best and best.n or 0) then
                        wrong = wrong + 1
                    end
                    if n ~= 0 then
                        slab:release(n)
                        model[n] = nil
                    end
                end
            end
            test:is(wrong, 0, ('seed %d'):format(seed))
        end
    end },
    { 'a record that is in no heap is removed without effect', function(test)
        local slab = nodes.new()
        local under_test = heap.new(slab, nodes.KEY, nodes.POS)
        local model = {}
        add(slab, under_test, model, 1, 1)
        local n = under_test:pop()
        under_test:remove(n)
        test:is(under_test.n, 0, 'still empty')
    end },
})
