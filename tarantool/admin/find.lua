#!/usr/bin/env tarantool
-- Tasks by key or by lane.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tasks = require('lib.tasks')

cli.run({
    name = 'find',
    about = 'Finds tasks by their key (of a tube with dedup) or by their lane.',
    arguments = 'TUBE',
    options = {
        { 'key', 'KEY', 'the task with this key' },
        { 'utube', 'LANE', 'the tasks of this lane' },
        { 'limit', 'N', 'most tasks (default 20)', 'integer' },
    },
    examples = { '3301 push --key user-17', '3301 push --utube ios' },
    run = function(c)
        local o, tube = c.options, c.arguments.tube
        if (o.key ~= nil) == (o.utube ~= nil) then
            c.wrong('expected either --key or --utube')
        end
        local found
        if o.utube ~= nil then
            found = c.call('find_lane', tube, o.utube, { limit = o.limit or 20, preview = 200 })
        else
            local task = c.call('find', tube, { key = o.key })
            -- A page with that task alone, for what the answer of `find` does not say.
            local id = task ~= nil and tonumber(task[1]) or nil
            found = id ~= nil and c.call('list', tube, { after = id > 0 and id - 1 or nil, limit = 1, preview = 200 })
                or { tasks = tasks.seq({}) }
        end
        c.answer(found, function()
            tasks.print(found.tasks, 'nothing found')
        end)
        return #found.tasks == 0 and 1 or 0
    end,
})
