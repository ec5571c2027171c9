#!/usr/bin/env tarantool
-- The takes that wait for a task.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tables = require('lib.tables')
local tasks = require('lib.tasks')
local text = require('lib.text')

local COLUMNS = {
    { name = 'SESSION', right = true }, { name = 'CONNECTION', right = true }, { name = 'WANTS', right = true },
    { name = 'LANE', optional = true }, { name = 'PEER' },
}

cli.run({
    name = 'waiters',
    about = 'Lists the takes that wait for a task of a tube, the longest waiting first.',
    arguments = 'TUBE',
    options = { { 'limit', 'N', 'most of them (default 100)', 'integer' } },
    examples = { '3301 push' },
    run = function(c)
        local page = c.call('waiters', c.arguments.tube, { limit = c.options.limit })
        c.answer(page, function()
            local rows = {}
            for _, waiter in ipairs(page.waiters) do
                table.insert(rows, {
                    waiter.session ~= nil and tasks.id(waiter.session) or '', tasks.id(waiter.connection),
                    tasks.id(waiter.n), waiter.utube or '', waiter.peer or 'inside',
                })
            end
            tables.print(COLUMNS, rows, ('no take waits for %s'):format(c.arguments.tube))
            if page.total > #rows then
                print(('%s wait in all'):format(text.number(page.total)))
            end
        end)
    end,
})
