#!/usr/bin/env tarantool
-- Taken tasks are ready again, whoever holds them.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tasks = require('lib.tasks')
local text = require('lib.text')

cli.run({
    name = 'release',
    about = 'Makes taken tasks ready, whoever holds them. Their workers may still be at it.',
    arguments = 'TUBE [ID...]',
    options = {
        { 'all', nil, 'every taken task of the tube' },
        { 'delay', 'SPAN', 'ready only after this time', 'span' },
    },
    asks = true,
    examples = { '3301 push 17', '3301 push --all --yes' },
    run = function(c)
        local o, tube, ids = c.options, c.arguments.tube, c.arguments.id
        if (ids[1] ~= nil) == (o.all ~= nil) or o.all and o.delay then
            c.wrong('expected ids, or --all without --delay')
        elseif ids[1] ~= nil then
            return tasks.report(c, ids, c.call('release_id', tube, ids, { delay = o.delay }), 'released')
        end
        local count = c.call('statistics', tube).tasks.taken
        c.confirm(('Release all that is taken of %s on %s, %s?'):format(tube, c.place, text.tasks(count)))
        c.call('release_all', tube)
        c.answer({ count = count }, function()
            print('released ' .. text.tasks(count))
        end)
    end,
})
