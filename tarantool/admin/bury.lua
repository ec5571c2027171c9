#!/usr/bin/env tarantool
-- Tasks are put aside until they are kicked.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tasks = require('lib.tasks')

cli.run({
    name = 'bury',
    about = 'Buries tasks in any state: nobody is given them until they are kicked.',
    arguments = 'TUBE ID...',
    examples = { '3301 push 17 18' },
    run = function(c)
        local ids = c.arguments.id
        return tasks.report(c, ids, c.call('bury_many', c.arguments.tube, ids), 'buried')
    end,
})
