#!/usr/bin/env tarantool
-- Whether the queue works, and what it warns of.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tables = require('lib.tables')
local tasks = require('lib.tasks')

cli.run({
    name = 'health',
    about = 'Says whether the queue works, and what it warns of. The exit code is 1 if it does not.',
    examples = { '3301' },
    run = function(c)
        local health = c.call('health')
        c.answer(health, function()
            tables.print_fields({
                { 'ready', health.ready and 'yes' or 'no' }, { 'state', health.state },
                { 'tubes', tasks.id(health.tubes) }, { 'module', health.version }, { 'server', health.server },
            })
            for _, warning in ipairs(health.warnings) do
                print('warning: ' .. warning)
            end
        end)
        return health.ready and 0 or 1
    end,
})
