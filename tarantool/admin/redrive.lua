#!/usr/bin/env tarantool
-- Dead tasks go back to where they came from.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local text = require('lib.text')

cli.run({
    name = 'redrive',
    about = 'Puts the tasks of a dead-letter tube back into the tubes they came from, with attempts at 0.',
    arguments = 'TUBE',
    options = {
        { 'origin', 'TUBE', 'of this tube alone' },
        { 'error', 'TEXT', 'whose last error has this text' },
        { 'limit', 'N', 'most tasks', 'integer' },
    },
    examples = { '3301 dead', '3301 dead --origin push --limit 100' },
    run = function(c)
        local o = c.options
        local count = c.call('redrive', c.arguments.tube, { origin = o.origin, error = o.error, limit = o.limit })
        c.answer({ count = count }, function()
            print(('put %s back'):format(text.tasks(count)))
        end)
    end,
})
