#!/usr/bin/env tarantool
-- Buried tasks are ready again.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tasks = require('lib.tasks')
local text = require('lib.text')

cli.run({
    name = 'kick',
    about = 'Makes buried tasks ready: those with these ids, all, those of a lane, or the best N.',
    arguments = 'TUBE [ID...]',
    options = {
        { 'all', nil, 'all of them' },
        { 'utube', 'LANE', 'all of this lane' },
        { 'limit', 'N', 'with --all or --utube: most tasks', 'integer' },
        { 'count', 'N', 'the best N by priority', 'integer' },
    },
    examples = { '3301 push 17 18', '3301 push --all' },
    run = function(c)
        local o, tube, ids = c.options, c.arguments.tube, c.arguments.id
        local ways = (ids[1] and 1 or 0) + ((o.all or o.utube) and 1 or 0) + (o.count and 1 or 0)
        if ways ~= 1 then
            c.wrong('expected ids, --all, --utube or --count')
        elseif ids[1] ~= nil then
            return tasks.report(c, ids, c.call('kick_id', tube, ids), 'kicked')
        end
        local count = o.count ~= nil and c.call('kick', tube, o.count) or tasks.sweep(o.limit, function(left)
            return c.call('kick_where', tube, { utube = o.utube, limit = left })
        end)
        c.answer({ count = count }, function()
            print('kicked ' .. text.tasks(count))
        end)
    end,
})
