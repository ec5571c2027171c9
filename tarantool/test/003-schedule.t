#!/usr/bin/env tarantool
-- The schedule against a plain model: lanes, leases, changes under way.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local schedule = require('tarantella.schedule.schedule')

local READY, DELAYED, BURIED, TAKEN = schedule.READY, schedule.DELAYED, schedule.BURIED, schedule.TAKEN

-- What a take should have: the best ready task whose lane nobody has.
local function expected(model)
    local busy, best = {}, nil
    for _, task in pairs(model) do
        if task.state == TAKEN and task.lane then
            busy[task.lane] = true
        end
    end
    for id, task in pairs(model) do
        if task.state == READY and not (task.lane and busy[task.lane])
            and (best == nil or task.pri < model[best].pri or task.pri == model[best].pri and id < best) then
            best = id
        end
    end
    return best
end

local function count(model, state)
    local n = 0
    for _, task in pairs(model) do
        n = n + (task.state == state and 1 or 0)
    end
    return n
end

local function random_id(model)
    local ids = {}
    for id in pairs(model) do
        table.insert(ids, id)
    end
    table.sort(ids)
    return ids[math.random(#ids)]
end

local steps = {}

function steps.add(sched, model, id)
    local state = ({ READY, READY, READY, DELAYED, BURIED })[math.random(5)]
    local lane = math.random(3) > 1 and 'lane' .. math.random(3) or nil
    local pri = math.random(-1, 2)
    sched:add(id, state, pri, state == DELAYED and 1000 + id or 0, lane)
    model[id] = { state = state, pri = pri, lane = lane }
end

function steps.take(sched, model)
    local n = sched:next_ready()
    local id = expected(model)
    if n == 0 then
        return id == nil
    end
    if sched:id(n) ~= id then
        return false
    end
    local owner = math.random(3)
    sched:lease(n, owner, 7, 0)
    model[id].state, model[id].owner = TAKEN, owner
end

function steps.settle(sched, model)
    local id = random_id(model)
    local n, task = sched:find(id), model[id]
    local state = ({ READY, DELAYED, BURIED })[math.random(3)]
    sched:unlink(n)
    if math.random(4) == 1 then
        -- The commit failed: all as before.
        sched:relink(n)
        return
    end
    sched:settle(n, state, task.pri, state == DELAYED and 2000 or 0)
    task.state, task.owner = state, nil
end

function steps.forget(sched, model)
    local id = random_id(model)
    local n = sched:find(id)
    sched:unlink(n)
    sched:forget(n)
    model[id] = nil
end

function steps.lapse(sched, model)
    local id = random_id(model)
    if model[id].state == TAKEN then
        sched:lapse(sched:find(id), model[id].pri, 0)
        model[id].state, model[id].owner = READY, nil
    end
end

-- The tasks of each owner by its list.
local function lists_agree(sched, model)
    for owner = 1, 3 do
        local n, listed, held = sched.owners:first_of(owner), 0, 0
        while n ~= 0 do
            listed = listed + 1
            if model[sched:id(n)].owner ~= owner then
                return false
            end
            n = sched.owners:next_of(n)
        end
        for _, task in pairs(model) do
            held = held + (task.owner == owner and 1 or 0)
        end
        if listed ~= held then
            return false
        end
    end
    return true
end

local function agrees(sched, model)
    local n = sched:next_ready()
    local id = expected(model)
    if (n == 0) ~= (id == nil) or n ~= 0 and sched:id(n) ~= id then
        return false
    end
    for _, state in ipairs({ READY, DELAYED, BURIED, TAKEN }) do
        if sched.count[state] ~= count(model, state) then
            return false
        end
    end
    return sched:total() == sched.ids.n and lists_agree(sched, model)
end

fixture.run('schedule', {
    { 'random steps agree with the model after each of them', function(test)
        local kinds = { 'add', 'add', 'take', 'take', 'settle', 'forget', 'lapse' }
        for seed = 1, 20 do
            math.randomseed(seed)
            local sched, model, wrong = schedule.new(), {}, nil
            for id = 1, 400 do
                local kind = next(model) == nil and 'add' or kinds[math.random(#kinds)]
                if steps[kind](sched, model, id) == false or not agrees(sched, model) then
                    wrong = wrong or ('%s at step %d'):format(kind, id)
                end
            end
            test:is(wrong, nil, ('seed %d'):format(seed))
        end
    end },
    { 'a lane leaves nothing behind when its last task goes', function(test)
        local sched = schedule.new()
        for id = 1, 100 do
            local n = sched:add(id, READY, 0, 0, 'lane' .. id)
            sched:unlink(n)
            sched:forget(n)
        end
        test:is(next(sched.ready.by_name), nil, 'no name')
        test:is(#sched.ready.lanes, 1, 'one number, used again and again')
    end },
    { 'a nearer due time is told, a later one is not', function(test)
        local told = {}
        local sched = schedule.new(function(due) table.insert(told, due) end)
        sched:add(1, DELAYED, 0, 500)
        sched:add(2, DELAYED, 0, 900)
        sched:add(3, DELAYED, 0, 100)
        test:is_deeply(told, { 500, 100 }, 'the first and the nearer one')
    end },
    { 'an expired task is given to nobody and waits for its deletion', function(test)
        local sched = schedule.new()
        local n, buried = sched:add(1, READY, 0, 100), sched:add(2, BURIED, 0, 100)
        sched:mark_expired(n)
        sched:mark_expired(buried)
        test:is_deeply({ sched:next_ready(), sched.buried:top(), sched.dues:top() }, { 0, 0, 0 }, 'hidden')
        test:is(sched.over:top(), n, 'first of those that are over')
        sched:unlink(n)
        test:is(sched.over:top(), buried, 'not while it is being deleted')
        sched:relink(n, 200)
        test:is(sched:next_ready(), 0, 'still hidden after its deletion failed')
        sched:unlink(buried)
        sched:forget(buried)
        test:is(sched.over:top(), n, 'waits for the next try')
        sched:lease(n, 1, 7, 300)
        test:is_deeply({ sched.over:top(), sched.leases:top() }, { 0, n }, 'a late touch brings it back')
    end },
})
