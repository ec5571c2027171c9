#!/usr/bin/env tarantool
-- One task, with all that is known of it.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local fiber = require('fiber')
local json = require('json')
local tables = require('lib.tables')
local tasks = require('lib.tasks')
local text = require('lib.text')

local function show(task)
    local now = fiber.time()
    local lease = task.lease or {}
    local function moment(at)
        return at ~= nil and ('%s UTC, %s'):format(text.moment(at), text.away(at, now)) or nil
    end
    tables.print_fields({
        { 'id', tasks.id(task.id) }, { 'state', tasks.state(task.state) }, { 'pri', tasks.id(task.pri) },
        { 'utube', task.utube }, { 'due', moment(task.due) }, { 'life ends', moment(task.dead) },
        { 'ttr', task.ttr ~= nil and text.span(task.ttr) or nil },
        { 'attempts', task.attempts ~= nil and tasks.id(task.attempts) or nil },
        { 'delivered', task.delivered and 'yes' or 'no' },
        { 'session', lease.session ~= nil and tasks.id(lease.session) or nil }, { 'identity', lease.identity },
        { 'token', lease.token ~= nil and tasks.id(lease.token) or nil }, { 'lease ends', moment(lease.ends) },
        { 'late token', task.late_token ~= nil and tasks.id(task.late_token) or nil },
        { 'meta', task.meta ~= nil and json.encode(task.meta) or nil },
        { 'bytes', text.number(task.bytes) }, { 'data', json.encode(task.data) },
    })
end

cli.run({
    name = 'show',
    about = 'Shows all that is known of a task.',
    arguments = 'TUBE ID',
    examples = { '3301 push 17' },
    run = function(c)
        c.answer(c.call('get', c.arguments.tube, c.arguments.id), show)
    end,
})
