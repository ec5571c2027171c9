#!/usr/bin/env tarantool
-- Who is connected, and holds what.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local tables = require('lib.tables')
local tasks = require('lib.tasks')
local text = require('lib.text')

local COLUMNS = {
    { name = 'SESSION', right = true }, { name = 'IDENTITY', optional = true }, { name = 'TAKEN', right = true },
    { name = 'WAITING', right = true }, { name = 'ENDS', optional = true }, { name = 'PEERS' }, { name = 'TUBES' },
}

-- `push 3, mail 1`
local function tubes_of(session)
    local list = {}
    for name, count in pairs(session.tubes) do
        table.insert(list, ('%s %s'):format(name, text.number(count)))
    end
    table.sort(list)
    return table.concat(list, ', ')
end

local function peers_of(session)
    local list = {}
    for _, connection in ipairs(session.connections) do
        table.insert(list, connection.peer or 'inside')
    end
    return #list > 2 and ('%s and %d more'):format(list[1], #list - 1) or table.concat(list, ' ')
end

local function row_of(session)
    return {
        tasks.id(session.session), session.identity or '', text.number(session.taken), text.number(session.waiting),
        session.ends ~= nil and 'in ' .. text.span(session.ends) or '', peers_of(session), tubes_of(session),
    }
end

cli.run({
    name = 'sessions',
    about = 'Lists the sessions: what they hold, how many of their takes wait, where they are.',
    options = {
        { 'limit', 'N', 'most sessions (default 100)', 'integer' },
        { 'after', 'N', 'go on behind this session', 'integer' },
    },
    examples = { '3301' },
    run = function(c)
        local page = c.call('sessions', { limit = c.options.limit, after = c.options.after })
        c.answer(page, function()
            local rows = {}
            for _, session in ipairs(page.sessions) do
                table.insert(rows, row_of(session))
            end
            tables.print(COLUMNS, rows, 'no session uses the queue')
            if page.next ~= nil then
                print(('there are more: --after %s'):format(tasks.id(page.next)))
            end
        end)
    end,
})
