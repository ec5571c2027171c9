#!/usr/bin/env tarantool
-- Triggers that users set on a tube's space run Lua in the middle of the queue's writes,
-- which must be no compiled ones then.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()

-- Enough for the JIT to compile what it may.
local ROUNDS = 300

local function count_changes(space, counted, batch)
    return function()
        for _ = 1, ROUNDS do
            batch()
        end
        return counted.puts, counted.deletions, space:len()
    end
end

local function cycle(name, is_many)
    return function()
        if is_many then
            local items = {}
            for i = 1, 50 do
                items[i] = { { payload = i } }
            end
            queue.put_many(name, items)
            local acks = {}
            for i, task in queue.take_many(name, 50, 0):pairs() do
                acks[i] = task[1]
            end
            queue.ack_many(name, acks)
        else
            queue.put(name, 'x')
            queue.ack(name, queue.take(name, 0)[1])
        end
    end
end

local function watch(set)
    local counted = { puts = 0, deletions = 0 }
    set(function(old, new)
        -- Work enough to be compiled itself, and to make the collector run.
        local text = {}
        for i = 1, 10 do
            text[i] = tostring(i)
        end
        if old == nil and #text == 10 then
            counted.puts = counted.puts + 1
        elseif new == nil then
            counted.deletions = counted.deletions + 1
        end
    end)
    return counted
end

local function check(test, name, is_many, set)
    queue.create_tube(name, 'fifo')
    local space = box.space[name]
    -- Compiled before there is a trigger.
    for _ = 1, ROUNDS do
        cycle(name, is_many)()
    end
    local counted = watch(function(fn) set(space, fn) end)
    local puts, deletions, rows = count_changes(space, counted, cycle(name, is_many))()
    local tasks = ROUNDS * (is_many and 50 or 1)
    test:is_deeply({ puts, deletions, rows }, { tasks, tasks, 0 }, 'every change was seen')
end

local has_module, trigger = pcall(require, 'trigger')

fixture.run('triggers', {
    { 'a trigger sees single puts and acks', function(test)
        check(test, 'single', false, function(space, fn) space:on_replace(fn) end)
    end },
    { 'a trigger sees batches', function(test)
        check(test, 'many', true, function(space, fn) space:on_replace(fn) end)
    end },
    { 'a trigger that runs before sees batches', function(test)
        check(test, 'before', true, function(space, fn)
            space:before_replace(function(old, new)
                fn(old, new)
                return new
            end)
        end)
    end },
    { 'a trigger that is set by the name of the space sees batches', function(test)
        check(test, 'named', true, function(space, fn)
            if has_module then
                trigger.set('box.space.named.on_replace', 'watch', fn)
            else
                space:on_replace(fn)
            end
        end)
    end },
    { 'a failing trigger fails its call and nothing else', function(test)
        queue.create_tube('failing', 'fifo')
        local should_fail = true
        box.space.failing:on_replace(function()
            if should_fail then
                error('no')
            end
        end)
        test:is(pcall(queue.put, 'failing', 'x'), false, 'a put')
        local results = queue.put_many('failing', { { 1 }, { 2 } })
        test:isnt(results[1].code, nil, 'an item of a batch')
        test:is(queue.statistics('failing').tasks.total, 0, 'no task')
        should_fail = false
        test:is(queue.put('failing', 'x')[2], 'r', 'and then it goes on')
    end },
})
