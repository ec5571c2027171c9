#!/usr/bin/env tarantool
-- Tasks are deleted by id, in any state.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tasks = require('lib.tasks')
local text = require('lib.text')

cli.run({
    name = 'delete',
    about = 'Deletes tasks by id, taken ones too.',
    arguments = 'TUBE ID...',
    asks = true,
    examples = { '3301 push 17 18', '3301 push 17 --yes' },
    run = function(c)
        local ids = c.arguments.id
        c.confirm(('Delete %s of %s on %s?'):format(text.tasks(#ids), c.arguments.tube, c.place))
        return tasks.report(c, ids, c.call('delete_many', c.arguments.tube, ids), 'deleted')
    end,
})
