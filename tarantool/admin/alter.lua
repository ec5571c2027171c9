#!/usr/bin/env tarantool
-- The options of a tube are changed while it stands.

package.path = (arg[0]:match('^(.*/)') or './') .. '?.lua;' .. package.path
local cli = require('lib.cli')
local text = require('lib.text')

-- What brings the default back.
local DEFAULT = 'default'

cli.run({
    name = 'alter',
    about = "Changes options of a tube while it stands; 'default' brings the default back.",
    arguments = 'TUBE',
    options = {
        { 'pri', 'N', 'priority of tasks put without one' },
        { 'ttl', 'SPAN', 'life of tasks put without one' },
        { 'ttr', 'SPAN', 'lease of tasks put without one' },
        { 'capacity', 'N', 'most tasks, of a tube that was created with a capacity' },
        { 'lane-limit', 'N', 'tasks of one lane that may be taken at a time' },
    },
    examples = { '3301 push --ttr 5m', '3301 push --ttl default' },
    run = function(c)
        local values = require('lib.values')
        local changes, is_any = {}, false
        for name, kind in pairs({
            pri = 'integer', ttl = 'span', ttr = 'span', capacity = 'integer', ['lane-limit'] = 'integer',
        }) do
            local word = c.options[name]
            if word ~= nil then
                local value, expected = values[kind](word)
                if expected ~= nil and word ~= DEFAULT then
                    c.wrong(("expected --%s to be %s, or 'default', got '%s'"):format(name, expected, word))
                end
                changes[name:gsub('-', '_')] = word == DEFAULT and box.NULL or value
                is_any = true
            end
        end
        if not is_any then
            c.wrong('expected at least one option')
        end
        local tube = c.call('alter', c.arguments.tube, changes)
        c.answer(tube, function()
            print(('%s has the options %s'):format(tube.name, text.options(tube.opts)))
        end)
    end,
})
