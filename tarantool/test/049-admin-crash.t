#!/usr/bin/env tarantool
-- kill -9 in the middle of moves and updates: every task is in one of the two tubes, once,
-- and what was confirmed stands. CRASH_ROUNDS makes it longer.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local fiber = require('fiber')
local instance = require('instance')

local ROUNDS = tonumber(os.getenv('CRASH_ROUNDS')) or 3
local TASKS = 400

local function start(folder)
    local server = instance.start(fixture.init, folder, { TUBES = 'a:utubettl,b:utubettl', ADMIN_PASSWORD = 'a' })
    if server.address == nil then
        error('the instance did not start: ' .. server.errors)
    end
    return server, instance.connect(server, 'queue_admin', 'a')
end

local function all_tasks(admin, name)
    local tasks, after = {}, nil
    repeat
        local page = admin:call('queue.list', { name, { after = after, limit = 1000 } })
        for _, task in ipairs(page.tasks) do
            table.insert(tasks, task)
        end
        after = page.next
    until after == nil
    return tasks
end

-- Works until the connection is lost: moves, and priorities that only grow. Tells of each
-- confirmed priority by `pris`, payload → the highest.
local function work(admin, counter, pris)
    local from, to = 'a', 'b'
    while true do
        local ok = pcall(function()
            admin:call('queue.move', { from, to, { limit = math.random(120) } })
            counter.calls = counter.calls + 1
            local page = admin:call('queue.list', { to, { limit = 20, reverse = true } })
            for _, task in ipairs(page.tasks) do
                counter.pri = counter.pri + 1
                local pri = counter.pri
                if pcall(admin.call, admin, 'queue.update', { to, task.id, { pri = pri } }) then
                    pris[task.data] = math.max(pris[task.data] or 0, pri)
                end
                counter.calls = counter.calls + 1
            end
        end)
        if not ok and not admin:is_connected() then
            return
        end
        from, to = to, from
    end
end

fixture.run('admin crash', {
    { 'no task is lost or doubled by a crash in the middle of moves', function(test)
        local folder = fixture.folder()
        local server, admin = start(folder)
        local items, pris, counter = {}, {}, { calls = 0, pri = 0 }
        for i = 1, TASKS do
            items[i] = { 'task ' .. i, { delay = i % 3 == 0 and 1000 or nil, utube = 'lane' .. i % 7 } }
        end
        admin:call('queue.put_many', { 'a', items })
        admin:call('queue.alter', { 'a', { ttr = 77 } })
        for round = 1, ROUNDS do
            local goal = counter.calls + math.random(20, 120)
            local worker = fiber.new(work, admin, counter, pris)
            worker:set_joinable(true)
            fixture.eventually('enough was called', function() return counter.calls >= goal end)
            instance.crash(server)
            worker:join()
            server, admin = start(folder)
            local seen, twice, lost = {}, 0, 0
            for _, name in ipairs({ 'a', 'b' }) do
                for _, task in ipairs(all_tasks(admin, name)) do
                    twice = twice + (seen[task.data] and 1 or 0)
                    seen[task.data] = task
                end
            end
            local stale = 0
            for i = 1, TASKS do
                local task = seen['task ' .. i]
                lost = lost + (task == nil and 1 or 0)
                stale = stale + (task ~= nil and task.pri < (pris[task.data] or 0) and 1 or 0)
            end
            test:is_deeply({ lost, twice, stale }, { 0, 0, 0 }, ('round %d: none lost, twice, older'):format(round))
        end
        test:is(admin:call('queue.tubes').tubes[1].opts.ttr, 77, 'changed options stand')
        instance.crash(server)
    end },
})
