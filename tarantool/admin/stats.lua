#!/usr/bin/env tarantool
-- How many tasks are in which state, and what happens to them.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local fiber = require('fiber')
local tables = require('lib.tables')
local terminal = require('lib.terminal')
local text = require('lib.text')

local COLUMNS = {
    { name = 'TUBE' }, { name = 'READY', right = true }, { name = 'DELAYED', right = true },
    { name = 'TAKEN', right = true }, { name = 'BURIED', right = true }, { name = 'TOTAL', right = true },
    { name = 'DONE', right = true }, { name = 'PUT', right = true }, { name = 'TAKE', right = true },
    { name = 'ACK', right = true },
}
local CALLS = { 'put', 'take', 'ack' }

-- Tube → its statistics, of one tube or of all.
local function read(c)
    local tube = c.arguments.tube
    if tube ~= nil then
        return { [tube] = c.call('statistics', tube) }
    end
    return c.call('statistics')
end

-- With an earlier look: calls a second since then.
local function rows_of(all, before, seconds)
    local rows = {}
    for name, stat in pairs(all) do
        local t = stat.tasks
        local row = {
            name, text.number(t.ready), text.number(t.delayed), text.number(t.taken), text.number(t.buried),
            text.number(t.total), text.number(t.done),
        }
        for _, call in ipairs(CALLS) do
            local old = before ~= nil and before[name] ~= nil and before[name].calls[call] or nil
            local count = stat.calls[call]
            table.insert(row, old == nil and text.number(before == nil and count or 0)
                or text.number((count - old) / seconds) .. '/s')
        end
        table.insert(rows, row)
    end
    table.sort(rows, function(a, b) return a[1] < b[1] end)
    return rows
end

-- Until somebody ends it, or the output does.
local function watch(c, seconds)
    local before, at
    while true do
        local all, now = read(c), fiber.clock()
        c.answer(all, function()
            if terminal.is_one(1) then
                io.stdout:write('\27[H\27[J')
            end
            print(('%s  %s UTC, every %s'):format(c.place, text.moment(fiber.time()), text.span(seconds)))
            tables.print(COLUMNS, rows_of(all, before, at and now - at), 'there is no tube')
        end)
        io.stdout:flush()
        before, at = all, now
        fiber.sleep(seconds)
    end
end

cli.run({
    name = 'stats',
    about = 'Counts the tasks of each tube by state, and the calls since the queue has started.',
    arguments = '[TUBE]',
    options = { { 'watch', 'SPAN', 'look again and again, with calls a second', 'span' } },
    examples = { '3301', '3301 push --watch 1' },
    run = function(c)
        local seconds = c.options.watch
        if seconds ~= nil and seconds < 0.1 then
            c.wrong('expected --watch to be 0.1s or more')
        elseif seconds ~= nil then
            watch(c, seconds)
        end
        local all = read(c)
        c.answer(all, function()
            tables.print(COLUMNS, rows_of(all), 'there is no tube')
        end)
    end,
})
