#!/usr/bin/env tarantool
-- A tube goes, with all it has.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local text = require('lib.text')

cli.run({
    name = 'obliterate',
    about = 'Drops a tube with all its tasks. It asks for the name of the tube.',
    arguments = 'TUBE',
    options = { { 'force', nil, 'even if tasks are taken or takes wait' } },
    asks = true,
    examples = { '3301 push-old', '3301 push-old --force --yes' },
    run = function(c)
        local tube = c.arguments.tube
        local now = c.call('statistics', tube).tasks
        c.confirm(('Drop %s on %s with %s, %s of them taken?'):format(
            tube, c.place, text.tasks(now.total), text.number(now.taken)), tube)
        local count = c.call('obliterate', tube, { force = c.options.force })
        c.answer({ count = count }, function()
            print(('dropped %s with %s'):format(tube, text.tasks(count)))
        end)
    end,
})
