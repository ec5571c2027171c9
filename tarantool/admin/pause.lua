#!/usr/bin/env tarantool
-- Pauses a tube, or a lane of it.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')

cli.run({
    name = 'pause',
    about = 'Pauses a tube, or a lane of it: takes wait, puts go on.',
    arguments = 'TUBE',
    options = { { 'utube', 'LANE', 'this lane alone' } },
    examples = { '3301 push', '3301 push --utube ios' },
    run = function(c)
        local lane = c.options.utube
        local result = c.call('pause', c.arguments.tube, { utube = lane })
        c.answer(result, function()
            print(('%s%s is paused'):format(c.arguments.tube, lane ~= nil and ', lane ' .. lane or ''))
        end)
    end,
})
