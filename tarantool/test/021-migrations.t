#!/usr/bin/env tarantool
-- The queue's own spaces are made by numbered steps, each done once or not at all.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local fio = require('fio')
local folder = fixture.folder()
box.cfg({ work_dir = folder, log = fio.pathjoin(folder, 'log'), log_level = 0, feedback_enabled = false })
local const = require('tarantella.const')
local migrations = require('tarantella.migrations')

fixture.run('migrations', {
    { 'data from before the steps were numbered is taken over', function(test)
        box.atomic(migrations.steps[1])
        box.space[const.TUBE_SPACE]:insert({ 7, 'old', 'fifo', setmetatable({}, { __serialize = 'map' }) })
        test:is(migrations.version(), 0, 'no number yet')
        migrations.run()
        test:is(migrations.version(), #migrations.steps, 'all are done')
        test:is(box.space[const.TUBE_SPACE]:get(7).name, 'old', 'the row is there')
        test:ok(box.space[const.LEASE_SPACE] ~= nil, 'and the newer spaces')
    end },
    { 'a step that fails leaves nothing, and is done at the next start', function(test)
        local calls, fails = {}, true
        local list = table.copy(migrations.steps)
        table.insert(list, function()
            table.insert(calls, 'a')
            box.schema.space.create('half')
        end)
        table.insert(list, function()
            table.insert(calls, 'b')
            box.schema.space.create('done')
            if fails then
                error('in the middle')
            end
        end)
        test:is(pcall(migrations.run, list), false, 'the start fails')
        test:is(migrations.version(), #list - 1, 'the step before it stands')
        test:is(box.space.done, nil, 'nothing of the failed one')
        fails = false
        migrations.run(list)
        test:is(migrations.version(), #list, 'done')
        test:ok(box.space.done ~= nil, 'with its space')
        migrations.run(list)
        test:is(table.concat(calls), 'abb', 'no step is done twice')
    end },
    { 'a module that is older than the data does not start', function(test)
        local ok, cause = pcall(migrations.run)
        test:is(ok, false, 'refused')
        test:like(tostring(cause), 'older than the data', 'it says why')
        test:is(migrations.version(), #migrations.steps + 2, 'nothing changed')
    end },
})
