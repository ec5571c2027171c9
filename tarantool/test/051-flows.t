#!/usr/bin/env tarantool
-- Flows: parents that wait for their children.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local instance = dofile(fixture.root .. '/test/instance.lua')
local fiber = require('fiber')
local queue = fixture.queue()
local code_of = fixture.code_of

local seed = tonumber(os.getenv('MODEL_SEED')) or math.floor(fiber.time() * 1000) % 2 ^ 31
local FLOWS = math.floor((tonumber(os.getenv('MODEL_STEPS')) or 3000) / 30)
math.randomseed(seed)
local random = math.random

local parents = queue.create_tube('parents', 'fifottl', { flows = true, keep = true })
local kids = queue.create_tube('kids', 'utubettl', { flows = true, keep = true, max_attempts = 2 })
local plain = queue.create_tube('plain', 'fifottl')

local function state(tube, id)
    return tube:peek(id)[2]
end

local function becomes(tube, id, letter)
    return fixture.eventually(('task %d is %s'):format(id, letter), function()
        local ok, task = pcall(tube.peek, tube, id)
        return ok and task[2] == letter
    end)
end

-- Takes the task of this id, whatever is before it.
local function take(tube, id)
    local others = {}
    while true do
        local task = tube:take(0)
        if task == nil or task[1] == id then
            for _, other in ipairs(others) do
                tube:release(other)
            end
            return task
        end
        table.insert(others, task[1])
    end
end

local function finish(tube, id, result)
    take(tube, id)
    return tube:complete(id, result)
end

local function flow(on_fail, count)
    local children = {}
    for i = 1, count or 2 do
        children[i] = { tube = 'kids', data = { child = i }, on_fail = on_fail }
    end
    local put = queue.put_flow({ tube = 'parents', data = 'parent', children = children })
    local ids = {}
    for i, child in ipairs(put.children) do
        ids[i] = child.id
    end
    return put.id, ids
end

fixture.run('flows', {
    { 'a parent is ready when its last child is done', function(test)
        local id, ids = flow()
        test:is(state(parents, id), 'w', 'it waits')
        test:is(parents:take(0), nil, 'and nobody is given it')
        test:is(queue.statistics('parents').tasks.waiting, 1, 'statistics say so')
        test:is(queue.statistics('parents').tasks.total, 1, 'and count it')
        finish(kids, ids[2], 'two')
        test:is(state(parents, id), 'w', 'it waits for the other')
        finish(kids, ids[1], 'one')
        local task = parents:take(10)
        test:is(task[1] .. ' ' .. task[3], id .. ' parent', 'here it is')
        local children = parents:children(id)
        test:is_deeply({ children[1].outcome, children[1].result, children[2].result }, { 'done', 'one', 'two' },
            'it knows what its children brought')
        parents:ack(id)
        fixture.eventually('nothing is left', function() return box.space._tarantella_child:len() == 0 end)
        test:is(code_of(parents.children, parents, id), 'TASK_NOT_FOUND', 'nor of the task')
    end },

    { 'trees, over several tubes', function(test)
        local put = queue.put_flow({ tube = 'parents', data = 'root', children = {
            { tube = 'parents', data = 'branch', children = { { tube = 'kids', data = 'leaf' } } },
            { tube = 'kids', data = 'other', opts = { pri = 1, utube = 'x' } },
        } })
        local root, branch = put.id, put.children[1].id
        local leaf, other = put.children[1].children[1].id, put.children[2].id
        test:is_deeply({ state(parents, root), state(parents, branch), state(kids, leaf), state(kids, other) },
            { 'w', 'w', 'r', 'r' }, 'only leaves are ready')
        finish(kids, other)
        finish(kids, leaf)
        becomes(parents, branch, 'r')
        test:is(state(parents, root), 'w', 'the root waits for the branch')
        finish(parents, branch)
        becomes(parents, root, 'r')
        finish(parents, root)
        test:ok(true, 'to the root')
    end },

    { 'a child that fails, by policy', function(test)
        local id, ids = flow('fail')
        take(kids, ids[1])
        kids:fail(ids[1], { error = 'first try' })
        test:is(state(parents, id), 'w', 'an attempt is left')
        take(kids, ids[1])
        kids:fail(ids[1], { error = 'no luck' })
        becomes(parents, id, '!')
        test:like(parents:result(id).error, 'Task %d+ of tube kids: no luck', 'fail: the parent fails with it')
        finish(kids, ids[2])
        parents:delete(id)

        id, ids = flow('ignore')
        kids:bury(ids[1])
        test:is(state(parents, id), 'w', 'ignore: it waits for the others')
        finish(kids, ids[2])
        becomes(parents, id, 'r')
        local children = parents:children(id)
        test:is(children[1].outcome, 'failed', 'and sees which failed')
        parents:delete(id)

        id, ids = flow('continue')
        kids:delete(ids[1])
        becomes(parents, id, 'r')
        test:is(parents:children(id)[2].outcome, nil, 'continue: at once')
        finish(kids, ids[2])
        parents:delete(id)

        id, ids = flow('fail')
        kids:bury(ids[1])
        becomes(parents, id, '!')
        parents:kick(10)
        test:is(state(parents, id), 'r', 'an operator may kick it')
        finish(kids, ids[2])
        parents:delete(id)
        kids:truncate()
    end },

    { 'a failure goes up the tree', function(test)
        local put = queue.put_flow({ tube = 'parents', children = {
            { tube = 'parents', children = { { tube = 'kids', data = 1 } } },
        } })
        kids:bury(put.children[1].children[1].id)
        becomes(parents, put.id, '!')
        test:like(parents:result(put.id).error, 'of tube parents: Task %d+ of tube kids: failed', 'with its story')
        parents:truncate()
        kids:truncate()
    end },

    { 'delay and life of a parent begin when its children have ended', function(test)
        local put = queue.put_flow({ tube = 'parents', opts = { delay = 0.02, ttl = 0.05, pri = 7 },
            children = { { tube = 'kids', data = 1 } } })
        fiber.sleep(0.1)
        test:is(state(parents, put.id), 'w', 'not before')
        finish(kids, put.children[1].id)
        becomes(parents, put.id, '~')
        local row = box.space.parents:get(put.id)
        test:ok(math.abs(tonumber(row.dead - row.due) - 50000) < 2, 'the life follows the delay')
        test:is(row.pri, 7, 'other options are those of the put')
        fixture.eventually('it expires', function() return queue.statistics('parents').tasks.total == 0 end)
    end },

    { 'all of it or nothing', function(test)
        -- What was truncated above is forgotten in the background.
        fixture.eventually('nothing is left of the flows before', function()
            return box.space._tarantella_child:len() == 0
        end)
        local before = { kids.raw:len(), parents.raw:len() }
        local function refused(tree, code, text)
            local got, message = code_of(queue.put_flow, tree)
            test:is(got, code, text)
            return message
        end
        local leaf = { tube = 'kids', data = 1 }
        test:like(refused({ tube = 'parents', children = { leaf, { tube = 'nowhere' } } }, 'TUBE_NOT_FOUND', 'a tube'),
            'flow.children%[2%].tube', 'the place is named')
        test:like(refused({ tube = 'parents', children = { leaf, { tube = 'kids', opts = { pri = 'x' } } } },
            'INVALID_ARGUMENT', 'an option'), 'flow.children%[2%].opts: Expected `pri`', 'and what was expected')
        refused({ tube = 'plain', children = { leaf } }, 'ABILITY_NOT_ENABLED', 'a tube without flows')
        refused({ tube = 'parents', children = { { tube = 'kids', on_fail = 'cry' } } }, 'INVALID_ARGUMENT', 'a policy')
        refused({ tube = 'parents', kids = {} }, 'INVALID_ARGUMENT', 'a field')
        refused({ tube = 'parents', children = 5 }, 'INVALID_ARGUMENT', 'children')
        refused('x', 'INVALID_ARGUMENT', 'a tree')
        refused({ tube = 'parents', data = function() end, children = { leaf } }, 'INVALID_ARGUMENT', 'a payload')
        local deep = { tube = 'kids' }
        for _ = 1, 100 do
            deep = { tube = 'kids', children = { deep } }
        end
        refused(deep, 'INVALID_ARGUMENT', 'too deep')
        local loop = { tube = 'kids' }
        loop.children = { loop }
        refused(loop, 'INVALID_ARGUMENT', 'a cycle')
        local many = {}
        for i = 1, 10001 do
            many[i] = leaf
        end
        refused({ tube = 'parents', children = many }, 'INVALID_ARGUMENT', 'too many')
        local code = code_of(queue.create_tube, 'bad', 'fifo', { flows = true, engine = 'vinyl' })
        test:is(code, 'INVALID_ARGUMENT', 'vinyl')
        test:is_deeply({ kids.raw:len(), parents.raw:len() }, before, 'nothing was put')
        test:is(box.space._tarantella_child:len(), 0, 'nor written')
        pcall(box.atomic, function()
            flow()
            error('rolled back')
        end)
        test:is_deeply({ kids.raw:len(), parents.raw:len() }, before, 'a transaction of the caller too')
        test:is(plain.raw.hooks, nil, 'a tube that did not ask has no hooks')
    end },

    { 'children that are lost without a word', function(test)
        local id = flow('ignore')
        kids:truncate()
        becomes(parents, id, 'r')
        test:is(parents:children(id)[1].outcome, 'deleted', 'count as deleted')
        parents:delete(id)
        local gone = queue.create_tube('gone', 'fifo', { flows = true })
        local put = queue.put_flow({ tube = 'parents', children = { { tube = 'gone', data = 1 } } })
        gone:drop()
        becomes(parents, put.id, '!')
        parents:delete(put.id)
        id = flow()
        parents:delete(id)
        fixture.eventually('a deleted parent is forgotten', function()
            return box.space._tarantella_child:len() == 0
        end)
        test:is(queue.statistics('kids').tasks.ready, 2, 'and its children go on')
        kids:truncate()
    end },

    { 'promotion: what ended last is found out', function(test)
        local id, ids = flow()
        finish(kids, ids[1])
        local children = require('tarantella.ability.children')
        take(kids, ids[2])
        kids:complete(ids[2], 1)
        -- The timer has not looked yet, and never will.
        children.stop()
        box.cfg({ read_only = true })
        fixture.eventually('the queue waits', function() return queue.state() == 'WAITING' end)
        box.cfg({ read_only = false })
        fixture.eventually('the queue runs', function() return queue.state() == 'RUNNING' end)
        becomes(parents, id, 'r')
        finish(parents, id)
        test:ok(true, 'freed by the next master')
    end },

    { 'flows outlive crashes', function(test)
        local folder = fixture.folder()
        local settings = { ADMIN_PASSWORD = 'a' }
        local server = instance.start(fixture.init, folder, settings)
        local admin = instance.connect(server, 'queue_admin', 'a')
        admin:call('queue.create_tube', { 'tops', 'fifo', { flows = true } })
        admin:call('queue.create_tube', { 'legs', 'fifo', { flows = true } })
        local FLOW_COUNT = 12
        for i = 1, FLOW_COUNT do
            admin:call('queue.put_flow', { { tube = 'tops', data = i, children = {
                { tube = 'legs', data = 1 }, { tube = 'legs', data = 2 } } } })
        end
        for _ = 1, 3 do
            for _ = 1, 8 do
                local task = admin:call('queue.take', { 'legs', 1 })
                admin:call('queue.ack', { 'legs', task[1] })
            end
            instance.crash(server)
            server = instance.start(fixture.init, folder, settings)
            admin = instance.connect(server, 'queue_admin', 'a')
        end
        local seen = 0
        for _ = 1, FLOW_COUNT do
            local task = admin:call('queue.take', { 'tops', 5 })
            if task ~= nil then
                seen = seen + 1
                admin:call('queue.ack', { 'tops', task[1] })
            end
        end
        test:is(seen, FLOW_COUNT, 'every parent came')
        test:is(admin:call('queue.take', { 'tops', 0 }), nil, 'once')
        instance.crash(server)
    end },

    { ('random trees end as a plain model says, seed %d'):format(seed), function(test)
        kids:truncate()
        parents:truncate()
        -- Which of `fail` and `continue` comes first would decide, so siblings do not have both.
        local function grow(depth, policies)
            local node = { tube = random(2) == 1 and 'kids' or 'parents', on_fail = policies[random(2)] }
            if depth < 4 and random(3) > 1 then
                node.children = {}
                local of = { random(2) == 1 and 'fail' or 'continue', 'ignore' }
                for i = 1, random(3) do
                    node.children[i] = grow(depth + 1, of)
                end
            end
            return node
        end
        local tubes = { kids = kids, parents = parents }
        local open = {}
        local function note(node, put)
            node.id = put.id
            local first = nil
            for i, child in ipairs(node.children or {}) do
                first = note(child, put.children[i]) or first
            end
            table.insert(open, node)
            return node
        end
        -- By the model: a leaf ends as chosen, a parent when its children let it.
        local function judge(node)
            local failed, continues, is_open = false, false, false
            for _, child in ipairs(node.children or {}) do
                judge(child)
                if child.final == 'fail' then
                    failed = failed or child.on_fail == 'fail'
                    continues = continues or child.on_fail == 'continue'
                elseif child.final == nil then
                    is_open = true
                end
            end
            if failed then
                node.final = 'fail'
            elseif not is_open or continues then
                node.final = node.choice
            end
        end
        local trees = {}
        for i = 1, FLOWS do
            local tree = grow(1, { 'fail', 'ignore' })
            note(tree, queue.put_flow(tree))
            trees[i] = tree
        end
        for _, node in ipairs(open) do
            node.choice = random(4) == 1 and 'fail' or 'ack'
        end
        local by_task = {}
        for _, node in ipairs(open) do
            by_task[node.tube .. node.id] = node
        end
        local busy = true
        while busy do
            busy = false
            for name, tube in pairs(tubes) do
                local task = tube:take(0.05)
                if task ~= nil then
                    busy = true
                    local node = by_task[name .. task[1]]
                    if node.choice == 'fail' then
                        tube:bury(task[1])
                    else
                        tube:ack(task[1])
                    end
                end
            end
        end
        local wrong = nil
        for _, tree in ipairs(trees) do
            judge(tree)
        end
        for _, node in ipairs(open) do
            local outcome = tubes[node.tube]:result(node.id).outcome
            local want = node.final == 'fail' and 'failed' or node.final == 'ack' and 'done' or nil
            if outcome ~= want then
                wrong = wrong or ('%s %d: %s, not %s'):format(node.tube, node.id, tostring(outcome), tostring(want))
            end
        end
        test:is(wrong, nil, ('%d tasks in %d flows'):format(#open, FLOWS))
        test:is(queue.statistics('parents').tasks.waiting + queue.statistics('kids').tasks.waiting, 0, 'nobody waits')
    end },
})
