#!/usr/bin/env tarantool
-- Topics: what is published is in every subscribed tube or in none.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
package.path = fixture.root .. '/test/?.lua;' .. package.path
local instance = require('instance')
local queue = fixture.queue({ log_level = 3 })
local fiber = require('fiber')

local seed = tonumber(os.getenv('MODEL_SEED')) or os.time()
local STEPS = tonumber(os.getenv('MODEL_STEPS')) or 3000
math.randomseed(seed)
local random = math.random

local ios = queue.create_tube('ios', 'fifottl')
local mail = queue.create_tube('mail', 'utube')
local log = queue.create_tube('log', 'fifo')
local small = queue.create_tube('small', 'limfifottl', { capacity = 2 })

local function totals()
    return ('%d %d %d %d'):format(ios.raw:len(), mail.raw:len(), log.raw:len(), small.raw:len())
end

-- The rows and the schedule know the same tasks.
local function is_sound()
    for _, tube in ipairs({ ios, mail, log, small }) do
        if tube.raw.space:len() ~= tube.raw:len() or tube.raw.arriving ~= 0 then
            return false
        end
    end
    return true
end

local function empty()
    for _, tube in ipairs({ ios, mail, log, small }) do
        tube:truncate()
    end
end

local function subscribe(topic, ...)
    for _, tube in ipairs({ 'ios', 'mail', 'log', 'small' }) do
        queue.unsubscribe(topic, tube)
    end
    for _, tube in ipairs({ ... }) do
        queue.subscribe(topic, tube)
    end
end

fixture.run('topics', {
    { 'a task goes to every subscribed tube', function(test)
        test:is_deeply(queue.publish('news', 1), {}, 'to none')
        test:is(queue.subscribe('news', 'ios'), true, 'subscribed')
        test:is(queue.subscribe('news', 'ios'), false, 'already')
        queue.subscribe('news', 'mail')
        queue.subscribe('other', 'log')
        local data = { a = { 1, 2 }, b = box.NULL }
        test:is_deeply(queue.publish('news', data), { { 'ios', 0, 'r' }, { 'mail', 0, 'r' } }, 'tubes, ids, states')
        test:is(totals(), '1 1 0 0', 'only these')
        test:is_deeply({ ios:take(0)[3], mail:take(0)[3] }, { data, data }, 'the data')
        ios:ack(0)
        test:is(mail:peek(0)[2], 't', 'each has a fate of its own')
        test:is(queue.unsubscribe('news', 'mail'), true, 'unsubscribed')
        test:is(queue.unsubscribe('news', 'mail'), false, 'already')
        test:is(#queue.publish('news'), 1, 'one is left')
        mail:release_all()
        empty()
    end },
    { 'options go to the tubes that have them', function(test)
        subscribe('news', 'ios', 'mail', 'log')
        test:is_deeply(queue.publish('news', 'x', { delay = 50, utube = 'lane' }),
            { { 'ios', 2, '~' }, { 'mail', 1, 'r' }, { 'log', 0, 'r' } }, 'states')
        test:is(mail.raw.space.index[0]:max().lane, 'lane', 'lane')
        test:is(fixture.code_of(queue.publish, 'news', 'x', { dealy = 5 }), 'INVALID_ARGUMENT', 'none has it')
        test:is(fixture.code_of(queue.publish, 'news', 'x', { delay = 'x' }), 'INVALID_ARGUMENT', 'a bad one')
        test:is(totals(), '1 1 1 0', 'nothing of these')
        empty()
    end },
    { 'a full tube refuses for all', function(test)
        subscribe('news', 'ios', 'log', 'small')
        queue.publish('news', 1)
        queue.publish('news', 2)
        local code, text = fixture.code_of(queue.publish, 'news', 3)
        test:is(code .. text, 'QUEUE_FULLTube small has its capacity of 2 tasks', 'refused')
        test:is(totals(), '2 0 2 2', 'nowhere')
        box.begin()
        test:is(fixture.code_of(queue.publish, 'news', 3), 'QUEUE_FULL', 'in a transaction too')
        log:put('mine')
        box.commit()
        test:is(totals(), '2 0 3 2', 'which goes on')
        test:ok(is_sound(), 'rows and schedules agree')
        empty()
    end },
    { 'many are published in one commit, and each for itself', function(test)
        subscribe('news', 'ios', 'log')
        local results = queue.publish_many('news', { { 'a' }, 5, { 'b', { pri = 'x' } }, { 'c', { pri = 1 } } })
        test:is(#results[1] .. #results[4], '22', 'done')
        test:is(results[2].code .. results[3].code, 'INVALID_ARGUMENTINVALID_ARGUMENT', 'refused')
        test:is(totals(), '2 0 2 0', 'two in each')
        subscribe('news', 'ios', 'small')
        empty()
        results = queue.publish_many('news', { { 'a' }, { 'b' }, { 'c' }, { 'd' } })
        test:is(results[3].code .. results[4].code, 'QUEUE_FULLQUEUE_FULL', 'there was room for two')
        test:is(totals(), '2 0 0 2', 'two in each')
        empty()
    end },
    { 'what is undone in a transaction that goes on leaves no trace', function(test)
        subscribe('news', 'ios', 'log')
        local refuse
        local trigger = function(_, row)
            if refuse and row ~= nil and row[9] == 'bad' then
                error('refused')
            end
        end
        log.raw.space:before_replace(trigger)
        refuse = true
        local results = queue.publish_many('news', { { 'good' }, { 'bad' }, { 'good' } })
        refuse = false
        log.raw.space:before_replace(nil, trigger)
        test:ok(results[2].code, 'the second was refused by its second tube')
        fixture.eventually('the schedules know', is_sound)
        test:is(totals(), '2 0 2 0', 'the others stand')
        test:is(ios:take(0)[3] .. ios:take(0)[3], 'goodgood', 'and can be taken')
        test:is(ios:take(0), nil, 'nothing else')
        ios:release_all()
        empty()
    end },
    { 'publishing is part of the transaction of its caller', function(test)
        subscribe('news', 'ios', 'log')
        box.begin()
        queue.publish('news', 'x')
        queue.publish_many('news', { { 'y' }, { 'z' } })
        test:is(ios:take(0), nil, 'not before the commit')
        box.rollback()
        test:is(totals(), '0 0 0 0', 'nothing')
        local taken = fiber.channel(1)
        fiber.create(function() taken:put(ios:take(10)[3]) end)
        box.begin()
        queue.publish('news', 'x')
        box.commit()
        test:is(taken:get(10), 'x', 'a take that waits is served')
        fiber.sleep(0)
        box.begin()
        queue.subscribe('news', 'mail')
        box.rollback()
        test:is(#queue.publish('news', 'x'), 2, 'a subscription can be rolled back')
        ios:release_all()
        empty()
    end },
    { 'publishing and scheduling join a transaction of a client', function(test)
        -- Which a server keeps open between requests since 2.10, with the MVCC engine.
        if not os.getenv('TEST_MVCC') or box.info.listen == nil then
            return test:skip('no transaction of a client')
        end
        subscribe('news', 'ios', 'log')
        local told = queue.create_tube('told', 'fifo', { events = true })
        queue.grant_roles()
        box.schema.user.grant('guest', 'tarantella_producer')
        local connection = require('net.box').connect(box.info.listen)
        local function work(finish)
            local stream = connection:new_stream()
            stream:begin()
            stream:call('queue.publish', { 'news', 'x' })
            stream:call('queue.schedule', { 's', { tube = 'ios', every = 3600 } })
            stream:call('queue.put', { 'told', 'x' })
            test:is(#queue.events(0).events + ios.raw:len() + #queue.schedules(), 0, 'not yet')
            stream[finish](stream)
        end
        work('rollback')
        test:is(#queue.events(0).events + ios.raw:len() + #queue.schedules(), 0, 'nothing')
        work('commit')
        test:is(#queue.events(0).events + ios.raw:len() + #queue.schedules(), 3, 'one of each')
        connection:close()
        queue.unschedule('s')
        told:drop()
        empty()
    end },
    { 'topics are listed in pages', function(test)
        for _, row in box.space._tarantella_topic:pairs() do
            box.space._tarantella_topic:delete({ row.topic, row.tube_id })
        end
        test:is_deeply(queue.topics(), {}, 'none')
        queue.subscribe('b', 'ios')
        queue.subscribe('a', 'ios')
        queue.subscribe('a', 'mail')
        queue.subscribe('c', 'log')
        test:is_deeply(queue.topics({ limit = 2 }),
            { { topic = 'a', tubes = { 'ios', 'mail' } }, { topic = 'b', tubes = { 'ios' } } }, 'the first')
        test:is_deeply(queue.topics({ after = 'b' }), { { topic = 'c', tubes = { 'log' } } }, 'the rest')
    end },
    { 'a dropped tube is unsubscribed', function(test)
        queue.create_tube('short', 'fifo')
        queue.subscribe('a', 'short')
        local before = box.space._tarantella_topic:len()
        queue.tube.short:drop()
        test:is(box.space._tarantella_topic:len(), before - 1, 'nothing of it stays')
        queue.create_tube('short', 'fifo')
        test:is(#queue.publish('a', 1), 2, 'a new one of that name is another one')
        queue.tube.short:drop()
        empty()
    end },
    { 'bad input', function(test)
        local function refused(what, ...)
            local code, text = fixture.code_of(...)
            test:is(code, 'INVALID_ARGUMENT', ('%s: %s'):format(what, tostring(text)))
        end
        refused('no topic', queue.publish)
        refused('an empty topic', queue.publish, '', 1)
        refused('a long topic', queue.subscribe, ('x'):rep(257), 'ios')
        refused('no tasks', queue.publish_many, 'a', 5)
        refused('data of no form', queue.publish, 'a', function() end)
        refused('a page', queue.topics, { limit = 0 })
        local many = {}
        for i = 1, 5001 do
            many[i] = { 1 }
        end
        refused('too many', queue.publish_many, 'a', many)
        test:is(fixture.code_of(queue.subscribe, 'a', 'nowhere'), 'TUBE_NOT_FOUND', 'no such tube')
        test:is(fixture.code_of(queue.subscribe, 'a', nil), 'TUBE_NOT_FOUND', 'no tube')
        queue.create_tube('disk', 'fifo', { engine = 'vinyl' })
        refused('vinyl', queue.subscribe, 'a', 'disk')
        test:is(totals(), '0 0 0 0', 'nothing was put')
    end },
    { ('every tube has what a model says, seed %d'):format(seed), function(test)
        local tubes, topics = { 'ios', 'mail', 'log', 'small' }, { 'a', 'b', 'c' }
        local subscribed, has, problem = {}, {}, nil
        for _, topic in ipairs(topics) do
            subscribe(topic)
            subscribed[topic] = {}
        end
        for _, tube in ipairs(tubes) do
            has[tube] = 0
        end
        local function publish(topic)
            if subscribed[topic].small and has.small >= 2 then
                return false
            end
            for tube in pairs(subscribed[topic]) do
                has[tube] = has[tube] + 1
            end
            return true
        end
        local steps = {
            function(topic, tube)
                local before = subscribed[topic][tube]
                subscribed[topic][tube] = true
                return queue.subscribe(topic, tube) == not before
            end,
            function(topic, tube)
                local before = subscribed[topic][tube] or false
                subscribed[topic][tube] = nil
                return queue.unsubscribe(topic, tube) == before
            end,
            function(topic) return pcall(queue.publish, topic, 'x') == publish(topic) end,
            function(topic)
                local results = queue.publish_many(topic, { { 1 }, { 2, { pry = 1 } }, { 3 } })
                return (results[1].code == nil) == publish(topic) and results[2].code ~= nil
                    and (results[3].code == nil) == publish(topic)
            end,
            function(topic)
                box.begin()
                pcall(queue.publish, topic, 'x')
                queue.publish_many(topic, { { 1 }, { 2 } })
                box.rollback()
                return true
            end,
            function(topic)
                box.begin()
                local ok = pcall(queue.publish, topic, 'x') == publish(topic)
                box.commit()
                return ok
            end,
            function(_, tube)
                local task = queue.tube[tube]:take(0)
                if task ~= nil then
                    queue.tube[tube]:ack(task[1])
                    has[tube] = has[tube] - 1
                end
                return (task == nil) == (has[tube] == 0 and task == nil)
            end,
            function()
                if random(50) == 1 then
                    queue.start()
                end
                return true
            end,
        }
        for step = 1, STEPS do
            local which = random(#steps)
            local fine = steps[which](topics[random(3)], tubes[random(4)])
            if not fine or totals() ~= ('%d %d %d %d'):format(has.ios, has.mail, has.log, has.small)
                or not is_sound() then
                problem = ('step %d (%d): %s; MODEL_SEED=%d'):format(step, which, totals(), seed)
                break
            end
        end
        test:is(problem, nil, ('%d steps'):format(STEPS))
    end },
    { 'after kill -9 each task is in all tubes or in none', function(test)
        local folder = fixture.folder()
        local settings = { TUBES = 'x:fifo,y:fifo', ADMIN_PASSWORD = 'a', PRODUCER_PASSWORD = 'p' }
        for round = 1, 3 do
            local server = instance.start(fixture.init, folder, settings)
            local admin = instance.connect(server, 'queue_admin', 'a')
            test:is(admin:call('queue.subscribe', { 't', 'x' }), round == 1, 'subscriptions outlive it')
            admin:call('queue.subscribe', { 't', 'y' })
            local producer = instance.connect(server, 'producer', 'p')
            local confirmed = 0
            for _ = 1, 5 do
                fiber.create(function()
                    while pcall(producer.call, producer, 'queue.publish', { 't', { some = 'data' } }) do
                        confirmed = confirmed + 1
                    end
                end)
            end
            local before = admin:call('queue.statistics', { 'x' }).tasks.total
            fixture.eventually('some are confirmed', function() return confirmed >= 50 end)
            instance.crash(server)
            server = instance.start(fixture.init, folder, settings)
            admin = instance.connect(server, 'queue_admin', 'a')
            test:is(admin:call('queue.peek', { 'y', 0 })[3].some, 'data', 'the payload')
            test:is(#admin:call('queue.publish_many', { 't', { { 'a' }, { 'b', { ttl = 5 } } } })[2], 2, 'many')
            local x = admin:call('queue.statistics', { 'x' }).tasks.total
            test:is(admin:call('queue.statistics', { 'y' }).tasks.total, x, 'as many in both')
            test:ok(x - before >= confirmed, 'all that were confirmed')
            instance.crash(server)
        end
    end },
})
