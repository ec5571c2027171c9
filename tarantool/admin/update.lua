#!/usr/bin/env tarantool
-- A waiting task gets another payload, priority, moment, lane.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tasks = require('lib.tasks')

cli.run({
    name = 'update',
    about = 'Changes a task that waits: its payload, priority, moment, lane, life.',
    arguments = 'TUBE ID',
    options = {
        { 'data', 'JSON', 'its payload', 'json' },
        { 'pri', 'N', 'lower comes first', 'integer' },
        { 'delay', 'SPAN', 'ready after this time', 'span' },
        { 'at', 'MOMENT', 'ready then: 2026-11-23T09:00:00Z, or seconds since 1970', 'moment' },
        { 'ttl', 'SPAN', 'how long it lives, from when it is ready', 'span' },
        { 'ttr', 'SPAN', 'how long a lease of it is', 'span' },
        { 'utube', 'LANE', 'its lane' },
    },
    examples = { "3301 push 17 --data '{\"user\":5}' --pri -1", '3301 push 17 --at 2026-11-23T09:00:00+01:00' },
    run = function(c)
        local changes, is_any = {}, false
        for _, name in ipairs({ 'data', 'pri', 'delay', 'at', 'ttl', 'ttr', 'utube' }) do
            changes[name] = c.options[name]
            is_any = is_any or type(c.options[name]) ~= 'nil'
        end
        if not is_any then
            c.wrong('expected at least one change')
        end
        local task = c.call('update', c.arguments.tube, c.arguments.id, changes)
        c.answer(task, function()
            print(('task %s is %s'):format(tasks.id(task[1]), tasks.state(task[2])))
        end)
    end,
})
