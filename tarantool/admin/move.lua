#!/usr/bin/env tarantool
-- Tasks go to another tube.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tasks = require('lib.tasks')
local text = require('lib.text')

-- Names of more pairs of ids help nobody.
local MAX_SHOWN = 10

local function show(result, from, to)
    print(('moved %s from %s to %s'):format(text.tasks(result.count), from, to))
    for i, pair in ipairs(result.tasks or {}) do
        if i > MAX_SHOWN then
            print(('  … and %d more'):format(#result.tasks - MAX_SHOWN))
            break
        end
        print(('  %s is %s there'):format(tasks.id(pair[1]), tasks.id(pair[2])))
    end
    if result.full then
        print(('%s is full'):format(to))
    end
end

cli.run({
    name = 'move',
    about = 'Moves tasks that wait to another tube, with all they have; they get new ids there.',
    arguments = 'FROM TO [ID...]',
    options = {
        { 'all', nil, 'all that wait' },
        { 'state', 'STATES', 'ready, delayed, buried; several with commas', 'list' },
        { 'utube', 'LANE', 'of this lane alone' },
        { 'limit', 'N', 'most tasks', 'integer' },
        { 'kick', nil, 'buried ones are ready there' },
    },
    examples = { '3301 push push-old 17', '3301 dead push --state buried --kick' },
    run = function(c)
        local o, from, to, ids = c.options, c.arguments.from, c.arguments.to, c.arguments.id
        local is_filtered = (o.all or o.state or o.utube or o.limit) ~= nil
        if (ids[1] ~= nil) == is_filtered then
            c.wrong('expected ids, or some of --all, --state, --utube, --limit')
        end
        local sum = { count = 0, full = false }
        if ids[1] ~= nil then
            sum = c.call('move', from, to, { ids = ids, kick = o.kick })
        else
            sum.count = tasks.sweep(o.limit, function(left)
                local result = c.call('move', from, to, {
                    state = o.state, utube = o.utube, kick = o.kick, limit = math.min(left or 100000, 100000),
                })
                sum.full, sum.tasks = result.full, sum.tasks == nil and result.tasks or nil
                return result
            end)
        end
        c.answer(sum, function() show(sum, from, to) end)
        return sum.full and 1 or 0
    end,
})
