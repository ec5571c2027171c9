#!/usr/bin/env tarantool
-- Delayed tasks are ready now.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tasks = require('lib.tasks')
local text = require('lib.text')

cli.run({
    name = 'promote',
    about = 'Makes delayed tasks ready now: those with these ids, all, or those of a lane.',
    arguments = 'TUBE [ID...]',
    options = {
        { 'all', nil, 'all of them' },
        { 'utube', 'LANE', 'all of this lane' },
        { 'limit', 'N', 'with --all or --utube: most tasks', 'integer' },
    },
    examples = { '3301 push 17 18', '3301 push --utube ios' },
    run = function(c)
        local o, tube, ids = c.options, c.arguments.tube, c.arguments.id
        if (ids[1] ~= nil) == (o.all ~= nil or o.utube ~= nil) then
            c.wrong('expected ids, --all or --utube')
        elseif ids[1] ~= nil then
            return tasks.report(c, ids, c.call('promote', tube, ids), 'promoted')
        end
        local count = tasks.sweep(o.limit, function(left)
            return c.call('promote_where', tube, { utube = o.utube, limit = left })
        end)
        c.answer({ count = count }, function()
            print('promoted ' .. text.tasks(count))
        end)
    end,
})
