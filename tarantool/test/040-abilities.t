#!/usr/bin/env tarantool
-- What the engine promises to abilities: their hooks, and that nothing half done stays.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local fiber = require('fiber')

local seen = {}
local lapses = 0
local refuse = nil

local function note(...)
    table.insert(seen, table.concat({ ... }, ' '))
end

local function forget()
    local all = table.concat(seen, ', ')
    seen = {}
    return all
end

-- Before the module is loaded, as abilities of its own are.
require('tarantella.abilities').add({
    name = 'probe',
    tube_options = { probe = function(value) return value end },
    put_options = {
        mark = function(_, value)
            if type(value) ~= 'string' then
                require('tarantella.errors').invalid('mark', 'a string', value)
            end
            return value
        end,
    },
    attach = function(tube)
        if not tube.opts.probe then
            return nil
        end
        return {
            before_put = function(_, options)
                options.meta = options.mark and { mark = options.mark } or nil
                if options.mark == 'instead' then
                    return box.tuple.new({ 77, 'r', 'another' })
                end
            end,
            after_put = function(_, id, options, state)
                note('put', id, state)
                box.space.log:insert({ box.NULL, options.mark or '' })
                if options.mark == 'refused' then
                    error('refused', 0)
                end
            end,
            change = function(_, step, id, before)
                note(step.event, id, before.state .. step.letter, before.meta and before.meta.mark or '')
                box.space.log:insert({ box.NULL, step.event })
                if refuse == id then
                    error('refused', 0)
                end
            end,
            lapse = function()
                lapses = lapses + 1
                return false
            end,
            loaded = function() note('loaded') end,
            closed = function() note('closed') end,
        }
    end,
    methods = { probed = function(tube, _, given, value) return tube.name, given, value end },
    functions = { probe = function(value) return value end },
    rights = { consumer = { 'probe' } },
    statistics = function(tube, to) to.probed = tube.opts.probe end,
    health = function(warnings) table.insert(warnings, 'probed') end,
})

local queue = fixture.queue()
box.schema.space.create('log'):create_index('id', { sequence = true })
local tube = queue.create_tube('probed', 'fifottl', { probe = true })
local plain = queue.create_tube('plain', 'fifottl')
local payload = require('tarantella.payload')

local function logged()
    return box.space.log:len()
end

fixture.run('abilities', {
    { 'a tube that did not ask has no hooks and costs nothing', function(test)
        test:is(plain.raw.hooks, nil, 'none')
        plain:put(1, { mark = 'x' })
        plain:ack(plain:take(0)[1])
        test:is(forget(), 'loaded', 'only the tube that asked was told')
    end },

    { 'hooks see a task from put to ack, in its transactions', function(test)
        local before = logged()
        local task = tube:put('data', { mark = 'm' })
        test:is(tube.raw.space:get(task[1]).meta.mark, 'm', 'meta stands beside the payload')
        test:is_deeply(task:totable(), { 0, 'r', 'data' }, 'and not in the reply')
        tube:take(0)
        tube:release(0, { delay = 60 })
        tube:bury(0)
        tube:kick(1)
        tube:delete(0)
        test:is(forget(), 'put 0 r, release 0 r~ m, bury 0 ~! m, kick 0 !r m, delete 0 r- m', 'each change')
        test:is(logged() - before, 5, 'what they wrote is there')
    end },

    { 'a hook may answer instead of a put', function(test)
        test:is_deeply(tube:put('x', { mark = 'instead' }):totable(), { 77, 'r', 'another' }, 'put')
        local results = queue.put_many('probed', { { 'x', { mark = 'instead' } }, { 'y' } })
        test:is_deeply(results:totable()[1], { 77, 'r' }, 'an item of a batch')
        test:is(tube.raw.sched:total(), 1, 'only the other one was put')
        tube:truncate()
        forget()
    end },

    { 'a hook that raises leaves nothing behind, and the queue goes on', function(test)
        local before = logged()
        local ok, cause = pcall(tube.put, tube, 'x', { mark = 'refused' })
        test:is(ok, false, tostring(cause))
        local results = queue.put_many('probed', { { 'a' }, { 'b', { mark = 'refused' } }, { 'c' } }):totable()
        test:is(results[1][2] .. results[3][2], 'rr', 'its neighbours stand')
        test:ok(results[2].code, 'the refused item says so')
        test:is(logged() - before, 2, 'what was written for the refused ones is gone')
        test:is(tube.raw.sched:total(), 2, 'two tasks')
        local one, two = tube:take(0)[1], tube:take(0)[1]
        refuse = one
        local _, code = pcall(tube.ack, tube, one)
        test:ok(tostring(code):find('refused'), 'an ack that is refused')
        results = queue.ack_many('probed', { one, two }):totable()
        refuse = nil
        test:ok(results[1].code, 'in a batch too')
        test:is(results[2][2], '-', 'its neighbour is done')
        test:is(logged() - before, 3, 'and wrote its line')
        test:is(tube:ack(one)[2], '-', 'the lease stands; the ack can be repeated')
        forget()
    end },

    { 'a lease that ends by itself is offered to the hook', function(test)
        tube:put('x', { ttr = 0.01 })
        tube:take(0)
        fixture.eventually('the lease has ended', function() return lapses == 1 end)
        test:ok(tube:take(1), 'ready again')
        tube:ack(tube:peek(tube.raw.space.index[0]:max()[1])[1])
        forget()
    end },

    { 'methods, functions, statistics, health', function(test)
        test:is_deeply({ tube:probed(5) }, { 'probed', 1, 5 }, 'a method')
        test:is_deeply({ queue.probed('probed', 6) }, { 'probed', 1, 6 }, 'by name')
        test:is(queue.probe(7), 7, 'a function')
        test:is(queue.statistics('probed').probed, true, 'statistics')
        test:is(queue.health().warnings[#queue.health().warnings], 'probed', 'health')
        queue.grant_roles()
        test:ok(box.schema.func.exists('queue.probe'), 'rights')
    end },

    { 'options are checked before anything happens', function(test)
        test:is(fixture.code_of(tube.put, tube, 1, { mark = 5 }), 'INVALID_ARGUMENT', 'a wrong value')
        test:is(fixture.code_of(queue.put, 'probed', 1, { marc = 'x' }), 'INVALID_ARGUMENT', 'an unknown one')
        test:is(fixture.code_of(queue.create_tube, 'x', 'fifo', { proba = 1 }), 'INVALID_ARGUMENT', 'of a tube')
    end },

    { 'a payload moves between rows as it is', function(test)
        plain:put({ a = { 1, 2 }, b = box.NULL })
        local row = plain.raw.space.index[0]:max()
        test:is_deeply(plain:put(payload.of(row))[3], { a = { 1, 2 }, b = box.NULL }, 'equal')
        plain:put(nil)
        row = plain.raw.space.index[0]:max()
        test:is(plain:put(payload.of(row))[3], nil, 'nothing is nothing')
    end },

    { 'tells of the end, and begins again', function(test)
        forget()
        box.cfg({ read_only = true })
        fixture.eventually('the queue waits', function() return queue.state() == 'WAITING' end)
        test:is(forget(), 'closed', 'closed')
        box.cfg({ read_only = false })
        fixture.eventually('the queue runs', function() return queue.state() == 'RUNNING' end)
        fiber.sleep(0)
        test:is(forget(), 'loaded', 'loaded')
    end },
})
