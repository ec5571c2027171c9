#!/usr/bin/env tarantool
-- The tasks of a tube, page by page.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tasks = require('lib.tasks')

local PAGE = 1000

cli.run({
    name = 'list',
    about = 'Lists the tasks of a tube, in order of id.',
    arguments = 'TUBE',
    options = {
        { 'state', 'STATES', 'ready, delayed, taken, buried, waiting; several with commas', 'list' },
        { 'utube', 'LANE', 'of this lane alone' },
        { 'limit', 'N', 'most tasks (default 20)', 'integer' },
        { 'after', 'ID', 'go on behind this id', 'integer' },
        { 'reverse', nil, 'the highest id first' },
        { 'preview', 'BYTES', 'how much of a payload (default 200)', 'integer' },
    },
    examples = { '3301 push --state buried', '3301 push --after 20 --limit 100 --json' },
    run = function(c)
        local o, all, after = c.options, {}, c.options.after
        local left = o.limit or 20
        repeat
            local page = c.call('list', c.arguments.tube, {
                state = o.state, utube = o.utube, reverse = o.reverse, after = after,
                limit = math.max(1, math.min(left, PAGE)), preview = o.preview or 200,
            })
            for _, task in ipairs(page.tasks) do
                table.insert(all, task)
            end
            after, left = page.next, left - #page.tasks
        until after == nil or left <= 0
        c.answer({ tasks = tasks.seq(all), next = after }, function()
            tasks.print(all, ('no such task in %s'):format(c.arguments.tube))
            if after ~= nil then
                print(('there may be more: --after %s'):format(tostring(after):gsub('U?LL$', '')))
            end
        end)
    end,
})
