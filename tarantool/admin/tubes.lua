#!/usr/bin/env tarantool
-- The tubes, their types and options.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tables = require('lib.tables')
local text = require('lib.text')

local PAGE = 1000
local COLUMNS = {
    { name = 'TUBE' }, { name = 'TYPE' }, { name = 'ENGINE' }, { name = 'TASKS', right = true },
    { name = 'WAITING', right = true }, { name = 'OPTIONS' },
}

cli.run({
    name = 'tubes',
    about = 'Lists the tubes with their types, tasks, waiting takes and options.',
    examples = { '3301' },
    run = function(c)
        local all, after = {}, nil
        repeat
            local page = c.call('tubes', { after = after, limit = PAGE })
            for _, tube in ipairs(page.tubes) do
                table.insert(all, tube)
            end
            after = page.next
        until after == nil
        c.answer(setmetatable(all, { __serialize = 'seq' }), function()
            local rows = {}
            for _, tube in ipairs(all) do
                table.insert(rows, {
                    tube.name, tube.type, tube.engine, text.number(tube.tasks.total), text.number(tube.waiting),
                    text.options(tube.opts),
                })
            end
            tables.print(COLUMNS, rows, 'there is no tube')
        end)
    end,
})
