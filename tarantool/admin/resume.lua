#!/usr/bin/env tarantool
-- Ends the pause of a tube, or of a lane of it.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')

cli.run({
    name = 'resume',
    about = 'Ends the pause of a tube, or of a lane of it.',
    arguments = 'TUBE',
    options = { { 'utube', 'LANE', 'this lane alone' } },
    examples = { '3301 push', '3301 push --utube ios' },
    run = function(c)
        local lane = c.options.utube
        local result = c.call('resume', c.arguments.tube, { utube = lane })
        c.answer(result, function()
            print(('%s%s is resumed'):format(c.arguments.tube, lane ~= nil and ', lane ' .. lane or ''))
        end)
    end,
})
