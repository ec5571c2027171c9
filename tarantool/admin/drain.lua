#!/usr/bin/env tarantool
-- All waiting tasks of a tube are deleted.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tasks = require('lib.tasks')
local text = require('lib.text')

cli.run({
    name = 'drain',
    about = 'Deletes the tasks of a tube that wait. What is taken stays, and so does the tube.',
    arguments = 'TUBE',
    options = {
        { 'state', 'STATES', 'ready, delayed, buried; several with commas (default all three)', 'list' },
        { 'utube', 'LANE', 'of this lane alone' },
        { 'limit', 'N', 'most tasks, the lowest ids first', 'integer' },
    },
    asks = true,
    examples = { '3301 push', '3301 push --state buried --yes' },
    run = function(c)
        local o, tube = c.options, c.arguments.tube
        local now = c.call('statistics', tube).tasks
        local counts, sum = {}, 0
        for _, state in ipairs(o.state or { 'ready', 'delayed', 'buried' }) do
            table.insert(counts, ('%s %s'):format(text.number(now[state] or 0), state))
            sum = sum + (now[state] or 0)
        end
        local what = o.utube ~= nil and ('the tasks of lane %s among '):format(o.utube)
            or o.limit ~= nil and ('up to %s of '):format(text.number(o.limit)) or ''
        if sum > 0 then
            c.confirm(('Delete %s%s (%s) of %s on %s?'):format(
                what, text.tasks(sum), table.concat(counts, ', '), tube, c.place))
        end
        local count = tasks.sweep(o.limit, function(left)
            return c.call('drain', tube, { state = o.state, utube = o.utube, limit = left and math.min(left, 100000) })
        end)
        c.answer({ count = count }, function()
            print(('deleted %s of %s'):format(text.tasks(count), tube))
        end)
    end,
})
