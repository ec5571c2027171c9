#!/usr/bin/env tarantool
-- Results, progress, logs, and waiting for the end of tasks.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local instance = dofile(fixture.root .. '/test/instance.lua')
local fiber = require('fiber')
local net_box = require('net.box')
local queue = fixture.queue()
local code_of, plain = fixture.code_of, fixture.plain

local seed = tonumber(os.getenv('MODEL_SEED')) or math.floor(fiber.time() * 1000) % 2 ^ 31
local STEPS = tonumber(os.getenv('MODEL_STEPS')) or 3000
math.randomseed(seed)
local random = math.random

local tube = queue.create_tube('kept', 'fifottl', { keep = true })
queue.create_tube('bare', 'fifottl')

local function taken(data, opts)
    tube:put(data, opts)
    return tube:take(0)[1]
end

-- Waits in a fiber of its own; gives a function that gives the answer.
local function waiting(ids, timeout)
    local result, done
    fiber.create(function()
        result, done = tube:wait(ids, timeout), true
    end)
    return function()
        fixture.eventually('the wait ends', function() return done end)
        return result
    end
end

local function rows(of)
    return box.space._tarantella_result.index.task:select({ of.raw.id })
end

fixture.run('results', {
    { 'an ack with a result, and one without', function(test)
        local id = taken('a')
        test:is_deeply(tube:complete(id, { sum = 3 }):totable(), { id, '-', 'a' }, 'answers as an ack')
        local result = tube:result(id)
        test:is_deeply({ result.state, result.outcome, result.result }, { '-', 'done', { sum = 3 } }, 'the result')
        test:ok(math.abs(result.ended - fiber.time()) < 5, 'and when')
        id = taken('b')
        tube:ack(id)
        test:is(tube:result(id).outcome, 'done', 'a plain ack')
        test:is(tube:result(id).result, nil, 'has none')
        test:is(queue.statistics('kept').calls.ack, 2, 'both are acks')
    end },

    { 'batches, each item with its own outcome', function(test)
        local one, two = taken(1), taken(2)
        local results = plain(queue.complete_many('kept', { { one, nil, 'x' }, { 999, nil, 'y' }, two, 'z' }))
        test:is_deeply({ results[1], results[3] }, { { one, '-' }, { two, '-' } }, 'those that are held')
        test:is(results[2].code, 'TASK_NOT_TAKEN', 'one that is not')
        test:is(results[4].code, 'INVALID_ARGUMENT', 'one that is nothing')
        test:is(tube:result(one).result, 'x', 'a result')
        results = plain(queue.put_many('kept', { { 'p' }, { 'q' } }))
        tube:take(0)
        tube:take(0)
        queue.ack_many('kept', { results[1][1], results[2][1] })
        test:is(tube:result(results[2][1]).outcome, 'done', 'ack_many')
    end },

    { 'other ends', function(test)
        local id = taken('a')
        tube:bury(id)
        test:is(tube:result(id).outcome .. tube:result(id).state, 'failed!', 'buried')
        tube:kick(1)
        test:is(tube:result(id).outcome, nil, 'kicked: it goes on')
        tube:take(0)
        tube:complete(id, 'late')
        test:is(tube:result(id).result, 'late', 'and ends well')
        id = tube:put('b')[1]
        tube:delete(id)
        test:is(tube:result(id).outcome, 'deleted', 'deleted')
        id = tube:put('c', { ttl = 0.01 })[1]
        fixture.eventually('it has expired', function() return tube:result(id).outcome == 'expired' end)
        id = taken('d')
        tube:release(id, { delay = 100 })
        test:is(tube:result(id).outcome, nil, 'a release is no end')
        tube:delete(id)
        id = taken('e')
        tube:bury(id)
        tube:delete(id)
        test:is(tube:result(id).outcome, 'failed', 'a failed task that is deleted has failed')
        test:is(code_of(tube.result, tube, 123456), 'TASK_NOT_FOUND', 'no task')
    end },

    { 'the last error of a failed one', function(test)
        queue.create_tube('dead', 'fifottl')
        local strict = queue.create_tube('strict', 'fifottl', { keep = true, max_attempts = 1, dead_letter = 'dead' })
        local id = strict:put('x')[1]
        strict:take(0)
        strict:fail(id, { error = 'no such address' })
        test:is_deeply({ strict:result(id).outcome, strict:result(id).error }, { 'failed', 'no such address' },
            'of one that was moved away')
        local lenient = queue.create_tube('lenient', 'fifottl', { keep = true, max_attempts = 2 })
        id = lenient:put('x')[1]
        lenient:take(0)
        lenient:fail(id, { error = 'first' })
        test:is(lenient:result(id).outcome, nil, 'another attempt is left')
        lenient:take(1)
        lenient:fail(id, { error = 'second' })
        test:is_deeply({ lenient:result(id).outcome, lenient:result(id).error }, { 'failed', 'second' }, 'buried')
    end },

    { 'progress and log, kept until the end', function(test)
        local id = taken('a')
        tube:progress(id, { done = 10 })
        tube:log(id, 'begun')
        for i = 1, 100 do
            tube:log(id, ('line %d'):format(i))
        end
        local now = tube:result(id)
        test:is_deeply({ now.state, now.progress, #now.log, now.log[1] }, { 't', { done = 10 }, 100, 'line 1' },
            'as it runs')
        tube:complete(id)
        test:is_deeply({ tube:result(id).progress, #tube:result(id).log }, { { done = 10 }, 100 }, 'and afterwards')
        test:is(next(tube.raw.outcomes.live), nil, 'in the row only')
        test:is(code_of(tube.progress, tube, id, 1), 'TASK_NOT_TAKEN', 'not of a task that ended')
        id = taken('b')
        test:is(code_of(tube.progress, tube, id, ('x'):rep(70000)), 'INVALID_ARGUMENT', 'not too much')
        test:is(code_of(tube.log, tube, id, 5), 'INVALID_ARGUMENT', 'a line is text')
        tube:log(id, ('x'):rep(5000))
        test:is(#tube:result(id).log[1], 1024, 'a long line is cut')
        tube:ack(id)
    end },

    { 'waits until a task has ended', function(test)
        local id = taken('a')
        local answer = waiting(id, 10)
        test:is(tube:wait(id, 0).outcome, nil, 'not yet')
        tube:complete(id, 42)
        test:is(answer().result, 42, 'woken by the end')
        test:is(tube:wait(id, 10).result, 42, 'at once, if it has ended')
        local one, two = taken(1), taken(2)
        answer = waiting({ one, two, 99999 }, 10)
        tube:complete(two, 'two')
        tube:bury(one)
        local all = answer()
        test:is_deeply({ all[1].outcome, all[2].result, all[3].code }, { 'failed', 'two', 'TASK_NOT_FOUND' }, 'several')
        test:is(code_of(tube.wait, tube, 99999, 1), 'TASK_NOT_FOUND', 'of no task')
        id = taken('b')
        test:is(tube:wait(id, 0.01).state, 't', 'the time is over')
        test:is(next(tube.raw.outcomes.waits), nil, 'nothing is left of them')
        test:is(tube.raw.outcomes.waiting, 0, 'nor counted')
        answer = waiting(id, 100)
        local ok = pcall(box.atomic, function()
            tube:complete(id, 'never')
            error('rolled back')
        end)
        test:is(ok, false, 'a transaction that is rolled back')
        test:is(tube:result(id).outcome, nil, 'ends nothing')
        box.atomic(function() tube:complete(id, 'ever') end)
        test:is(answer().result, 'ever', 'one that is committed does')
    end },

    { 'a connection that closes ends its waits', function(test)
        queue.grant_roles()
        box.schema.user.create('watcher', { password = 'w' })
        box.schema.user.grant('watcher', 'execute', 'role', 'tarantella_producer')
        local listen = box.info.listen
        local address = type(listen) == 'table' and listen[1] or listen
        local conn = net_box.connect(address, { user = 'watcher', password = 'w' })
        local id = taken('a')
        local future = conn:call('queue.wait', { 'kept', id }, { is_async = true })
        fixture.eventually('it waits', function() return tube.raw.outcomes.waiting == 1 end)
        conn:close()
        fixture.eventually('nobody waits', function() return tube.raw.outcomes.waiting == 0 end)
        test:is(future:result(), nil, 'without an answer')
        test:is(next(tube.raw.outcomes.waits), nil, 'and nothing is left')
        tube:ack(id)
    end },

    { 'results go by count and by age', function(test)
        local few = queue.create_tube('few', 'fifottl', { keep = { count = 3, failed_count = 1 } })
        local last
        for i = 1, 10 do
            last = few:put(i)[1]
            few:take(0)
            few:ack(last)
        end
        for i = 1, 3 do
            few:bury(few:put(i)[1])
        end
        fixture.eventually('the old ones are gone', function() return #rows(few) == 4 end)
        test:is(few:result(last).outcome, 'done', 'the newest are there')
        test:is(code_of(few.result, few, last - 5), 'TASK_NOT_FOUND', 'an old one is not')
        local brief = queue.create_tube('brief', 'fifottl', { keep = { age = 0.05, failed_age = 100 } })
        local id, failed = brief:put(1)[1], brief:put(2)[1]
        brief:take(0)
        brief:ack(id)
        brief:bury(failed)
        fixture.eventually('its time is over', function() return #rows(brief) == 1 end)
        test:is(brief:result(failed).outcome, 'failed', 'failed ones have a time of their own')
        local number = brief.raw.id
        brief:drop()
        fixture.eventually('those of a dropped tube are gone', function()
            return #box.space._tarantella_result.index.task:select({ number }) == 0
        end)
    end },

    { 'promotion and truncation', function(test)
        local id = taken('a')
        tube:progress(id, 1)
        tube:complete(id, 'x')
        box.cfg({ read_only = true })
        fixture.eventually('the queue waits', function() return queue.state() == 'WAITING' end)
        box.cfg({ read_only = false })
        fixture.eventually('the queue runs', function() return queue.state() == 'RUNNING' end)
        test:is(tube:result(id).result, 'x', 'results are there on the next master')
        test:is(tube.raw.outcomes.last[true] > 0, true, 'and are counted on')
        local before = #rows(tube)
        id = taken('b')
        tube:truncate()
        test:is(#rows(tube), before, 'a truncation forgets tasks, not results')
        test:is(code_of(tube.result, tube, id), 'TASK_NOT_FOUND', 'of which there are none then')
    end },

    { 'results outlive a crash', function(test)
        local folder = fixture.folder()
        local settings = { PRODUCER_PASSWORD = 'p', CONSUMER_PASSWORD = 'c', ADMIN_PASSWORD = 'a' }
        local server = instance.start(fixture.init, folder, settings)
        local admin = instance.connect(server, 'queue_admin', 'a')
        admin:call('queue.create_tube', { 'jobs', 'fifottl', { keep = { age = 1000 } } })
        local consumer = instance.connect(server, 'consumer', 'c')
        local ids = {}
        for i = 1, 20 do
            ids[i] = admin:call('queue.put', { 'jobs', i })[1]
            consumer:call('queue.take', { 'jobs', 1 })
            consumer:call('queue.complete', { 'jobs', ids[i], i * i })
        end
        local waited = fiber.new(function()
            return pcall(consumer.call, consumer, 'queue.wait', { 'jobs', 12345 })
        end)
        waited:set_joinable(true)
        waited:join()
        instance.crash(server)
        server = instance.start(fixture.init, folder, settings)
        local producer = instance.connect(server, 'producer', 'p')
        local all = producer:call('queue.wait', { 'jobs', ids, 5 })
        local right = 0
        for i, result in ipairs(all) do
            right = right + (result.result == i * i and 1 or 0)
        end
        test:is(right, 20, 'all of them')
        instance.crash(server)
    end },

    { ('random calls agree with a plain model, seed %d'):format(seed), function(test)
        local walked = queue.create_tube('walked', 'fifottl', { keep = { count = 1000000 }, max_attempts = 2 })
        local tasks, steps = {}, {}
        local function some(state)
            local ids = {}
            for id, task in pairs(tasks) do
                if state == nil or task.state == state then
                    table.insert(ids, id)
                end
            end
            return #ids > 0 and ids[random(#ids)] or nil
        end
        function steps.put() tasks[walked:put(random(10))[1]] = { state = 'r', fails = 0 } end
        function steps.take()
            local task = walked:take(0)
            if task ~= nil then
                tasks[task[1]].state = 't'
            end
        end
        function steps.complete(id)
            local value = random(2) == 1 and random(100) or nil
            walked:complete(id, value)
            tasks[id] = { state = '-', outcome = 'done', result = value }
        end
        function steps.fail(id)
            local task = tasks[id]
            task.fails = task.fails + 1
            walked:fail(id, { error = 'e' .. id })
            if task.fails == 2 then
                task.state, task.outcome, task.error = '!', 'failed', 'e' .. id
            else
                task.state = 'r'
            end
        end
        function steps.bury(id)
            walked:bury(id)
            tasks[id].state, tasks[id].outcome = '!', 'failed'
        end
        function steps.progress(id)
            walked:progress(id, id)
            tasks[id].progress = id
        end
        local NEEDS = { complete = 't', fail = 't', bury = 't', progress = 't' }
        local names = { 'put', 'take', 'take', 'complete', 'fail', 'bury', 'progress' }
        local wrong
        for step = 1, STEPS do
            local name = names[random(#names)]
            local id = NEEDS[name] and some(NEEDS[name])
            if id or not NEEDS[name] then
                steps[name](id)
            end
            local looked = some()
            local task, result = tasks[looked], looked and walked:result(looked)
            if looked and (result.state ~= task.state or result.outcome ~= task.outcome
                or result.result ~= task.result or result.error ~= task.error
                or task.progress ~= nil and result.progress ~= task.progress and task.state == 't') then
                wrong = wrong or ('step %d, %s, task %d'):format(step, name, looked)
            end
        end
        test:is(wrong, nil, ('%d steps'):format(STEPS))
        local stored = 0
        for id, task in pairs(tasks) do
            stored = stored + (task.outcome ~= nil and 1 or 0)
            local row = box.space._tarantella_result:get({ walked.raw.id, id })
            wrong = wrong or (row and row.outcome) ~= task.outcome and id or nil
        end
        test:is(wrong, nil, 'every row is the model\'s')
        test:is(#rows(walked), stored, 'and there are no others')
    end },

    { 'bad input', function(test)
        for _, bad in ipairs({ 5, 'x', { count = -1 }, { age = 'x' }, { ages = 1 }, { count = 1.5 } }) do
            test:is(code_of(queue.create_tube, 'bad', 'fifo', { keep = bad }), 'INVALID_ARGUMENT', 'keep')
        end
        local code = code_of(queue.create_tube, 'bad', 'fifo', { keep = true, engine = 'vinyl' })
        test:is(code, 'INVALID_ARGUMENT', 'vinyl')
        test:is(code_of(queue.complete, 'bare', 0, 1), 'ABILITY_NOT_ENABLED', 'a tube that keeps none')
        test:is(code_of(queue.result, 'bare', 0), 'ABILITY_NOT_ENABLED', 'has no results')
        test:is(code_of(queue.wait, 'kept', 'x'), 'INVALID_ARGUMENT', 'an id')
        local many = {}
        for i = 1, 1001 do
            many[i] = i
        end
        test:is(code_of(queue.wait, 'kept', many), 'INVALID_ARGUMENT', 'too many ids')
        test:is(code_of(queue.complete, 'kept', 0, 1, { tokn = 1 }), 'INVALID_ARGUMENT', 'an option')
        local id = taken('x')
        code = code_of(tube.complete, tube, id, ('x'):rep(2 * 1024 * 1024))
        test:is(code, 'TASK_TOO_LARGE', 'a result that is too large')
        test:is(tube:ack(id)[2], '-', 'and the task can still be acked')
    end },
})
