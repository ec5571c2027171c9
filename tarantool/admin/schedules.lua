#!/usr/bin/env tarantool
-- The recurring schedules.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local fiber = require('fiber')
local tables = require('lib.tables')
local tasks = require('lib.tasks')
local text = require('lib.text')

local COLUMNS = {
    { name = 'SCHEDULE' }, { name = 'TUBE' }, { name = 'WHEN' }, { name = 'NEXT' }, { name = 'RUNS', right = true },
    { name = 'TICKS LEFT', right = true, optional = true }, { name = 'NOTE', optional = true },
}

local function row_of(schedule, now)
    local when = schedule.cron ~= nil and schedule.cron .. (schedule.tz ~= nil and ' ' .. schedule.tz or '')
        or schedule.every ~= nil and 'every ' .. text.span(schedule.every) or 'ticks'
    return {
        schedule.name, schedule.tube, when, schedule.next ~= nil and text.away(schedule.next, now) or 'never',
        schedule.count ~= nil and text.number(schedule.count) or '',
        schedule.kind == 'ticks' and tasks.id(schedule.ticks_left) or '',
        schedule.error or schedule.state ~= 'active' and schedule.state or '',
    }
end

cli.run({
    name = 'schedules',
    about = 'Lists the recurring schedules and when they put their next tasks.',
    options = {
        { 'limit', 'N', 'most of them (default 100)', 'integer' },
        { 'after', 'NAME', 'go on behind this name' },
    },
    examples = { '3301' },
    run = function(c)
        local list = c.call('schedules', { limit = c.options.limit, after = c.options.after })
        c.answer(list, function()
            local rows, now = {}, fiber.time()
            for _, schedule in ipairs(list) do
                table.insert(rows, row_of(schedule, now))
            end
            tables.print(COLUMNS, rows, 'there is no schedule')
        end)
    end,
})
