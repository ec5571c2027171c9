#!/usr/bin/env tarantool
-- require before box.cfg{}, and on an instance that may not write yet.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local fio = require('fio')
local popen = require('popen')
local folder = fixture.folder()
local queue = require('tarantella')
local code_of = fixture.code_of

local function configure(read_only)
    box.cfg({
        work_dir = folder, log = fio.pathjoin(folder, 'log'), feedback_enabled = false, read_only = read_only,
    })
end

fixture.run('before box.cfg', {
    { 'a process that requires the module and starts no instance ends', function(test)
        local script = fio.pathjoin(folder, 'script.lua')
        local file = fio.open(script, { 'O_WRONLY', 'O_CREAT' }, tonumber('644', 8))
        file:write(("package.path = '%s/?.lua;%s/?/init.lua;' .. package.path require('tarantella')"):format(
            fixture.root, fixture.root))
        file:close()
        local process = popen.new({ fio.readlink('/proc/self/exe'), script }, {
            stdin = popen.opts.DEVNULL, stdout = popen.opts.DEVNULL, stderr = popen.opts.DEVNULL,
        })
        fixture.eventually('it has ended', function() return process.status.state == popen.state.EXITED end)
        test:is(process.status.exit_code, 0, 'by itself')
        process:close()
    end },
    { 'little is there before box.cfg, and the rest says why not', function(test)
        local code, text = code_of(function() return queue.tube end)
        test:is(code, 'QUEUE_NOT_RUNNING', 'code')
        test:is(text, 'Please configure box.cfg{} in read/write mode first', 'text')
        test:is(queue.state(), 'INIT', 'state')
        test:is(type(queue._VERSION), 'string', 'version')
        queue.cfg({ ttr = 7 })
        test:is(queue.cfg.ttr, 7, 'settings are kept for the start')
        test:is(code_of(queue.cfg, { ttr = -1 }), 'INVALID_ARGUMENT', 'and checked')
    end },
    { 'what speeds up the loading of its files is gone with it', function(test)
        test:ok(package.loaded['tarantella.schedule.heap'] ~= nil, 'loaded')
        local left = 0
        for name in pairs(package.preload) do
            left = left + (name:match('^tarantella') and 1 or 0)
        end
        test:is(left, 0, 'no loader is left to give an older file')
    end },
    { 'the queue is there as soon as box.cfg has returned', function(test)
        configure(false)
        local tube = queue.create_tube('first', 'fifo')
        test:is(tube:put('x')[1], 0, 'put')
        test:is(queue.state(), 'RUNNING', 'state')
        test:is(queue.cfg.ttr, 7, 'with the settings from before')
    end },
    { 'an instance that turns writable is used at once', function(test)
        local tube = queue.tube.first
        configure(true)
        fixture.eventually('it waits', function() return queue.state() == 'WAITING' end)
        test:is(tube:put('y'), nil, 'nil while it waits')
        configure(false)
        test:is(tube:put('y')[1], 1, 'put')
    end },
    { 'types of users are kept, and make no tubes', function(test)
        local driver = { create_space = function() end, new = function() end }
        queue.register_driver('mine', driver)
        test:is(queue.driver.mine, driver, 'kept')
        test:is(code_of(queue.register_driver, 'fifo', driver), 'INVALID_ARGUMENT', 'not twice')
        test:is(code_of(queue.create_tube, 'x', 'mine'), 'TUBE_TYPE_UNKNOWN', 'no tube')
    end },
})
