#!/usr/bin/env tarantool
-- A year and more of random schedules: periods and lists, paused, replaced, topped up, with a
-- clock that is moved forward and back and a queue that is started anew. What was put, and
-- what every schedule tells, must be what a plain model says after every step.
-- MODEL_SEED repeats a run, MODEL_STEPS makes it longer.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue({ log_level = 3, wal_mode = 'none' })
local fiber = require('fiber')
local timer = require('tarantella.timer')
local run = require('tarantella.ability.schedule_run').run

local seed = tonumber(os.getenv('MODEL_SEED')) or os.time()
local STEPS = tonumber(os.getenv('MODEL_STEPS')) or 4000
math.randomseed(seed)
local random = math.random

local HOUR, DAY = 3600, 86400
local START = 1700000000
local now = START
timer.stop()
timer.wall_us = function() return now * 1000000 end
timer.loop_us = timer.wall_us
local tube = queue.create_tube('t', 'fifottl')

-- name → { every, anchor | ticks, catch_up, grace, limit, ends, seen, last, count, is_paused, generation }
local model = {}
local expected, got = {}, {}
local last_id = -1

local problem
local function check(is, want, what)
    if is ~= want and problem == nil then
        problem = ('%s: got %s, expected %s'):format(what, tostring(is), tostring(want))
    end
end

-- Ticks after `seen`, one by one; the slow and plain way.
local function next_tick(m)
    local tick
    if m.every ~= nil then
        tick = m.cursor or m.anchor
        while tick <= m.seen do
            tick = tick + m.every
        end
        m.cursor = tick
    else
        for _, each in ipairs(m.ticks) do
            if each > m.seen then
                tick = each
                break
            end
        end
    end
    if tick == nil or m.ends ~= nil and tick > m.ends or m.limit ~= nil and m.count >= m.limit then
        return nil
    end
    return tick
end

local function done(name, m, tick)
    m.last, m.count = tick, m.count + 1
    table.insert(expected, ('%s %d'):format(name, tick))
end

local function model_work()
    for name, m in pairs(model) do
        local newest
        while not m.is_paused do
            local tick = next_tick(m)
            if tick == nil or tick > now then
                break
            end
            m.seen = tick
            if m.catch_up == 'all' then
                done(name, m, tick)
            else
                newest = tick
            end
        end
        if newest ~= nil and (m.catch_up == 'last' or now - newest <= m.grace) then
            done(name, m, newest)
        end
    end
end

local function work()
    repeat until run() ~= 0
    model_work()
end

-- Several moments to come, as a client would find them, now and then some of the past too.
local function some_ticks()
    local list, tick = {}, now - random(0, 3) * HOUR
    for _ = 1, random(0, 40) do
        tick = tick + random(1, DAY)
        table.insert(list, tick)
    end
    return list
end

local steps = {}

function steps.declare(name)
    local spec = {
        tube = 't', catch_up = ({ 'none', 'last', 'all' })[random(3)], grace = random(0, 2) * HOUR,
        limit = random(6) == 1 and random(20) or nil, ends = random(4) == 1 and now + random(40) * DAY or nil,
    }
    local older = model[name]
    local m = { catch_up = spec.catch_up, grace = spec.grace, limit = spec.limit, ends = spec.ends, count = 0 }
    m.is_paused = older ~= nil and older.is_paused
    if random(2) == 1 then
        spec.every = random(2) == 1 and 6 * HOUR or random(600, DAY)
        spec.anchor = random(3) == 1 and now + random(-DAY, DAY) or nil
        m.every = spec.every
        if older ~= nil and older.every == m.every and (spec.anchor == nil or spec.anchor == older.anchor) then
            m.anchor, m.seen, m.last, m.count = older.anchor, older.seen, older.last, older.count
        else
            m.anchor, m.seen = spec.anchor or now, now
        end
    else
        spec.ticks, spec.cron = some_ticks(), ({ 'a', 'b' })[random(2)]
        m.ticks, m.cron, m.seen = table.copy(spec.ticks), spec.cron, older ~= nil and older.ticks and older.seen or 0
        if older ~= nil and older.cron == m.cron then
            m.last, m.count = older.last, older.count
            local all = {}
            for _, tick in ipairs(older.ticks) do
                if tick > older.seen and (m.ticks[1] == nil or tick < m.ticks[1]) then
                    table.insert(all, tick)
                end
            end
            for _, tick in ipairs(m.ticks) do
                table.insert(all, tick)
            end
            m.ticks = all
        end
    end
    queue.schedule(name, spec)
    model[name] = m
end

function steps.top_up(name)
    local m = model[name]
    -- Far below the most that a list can have.
    if m == nil or m.ticks == nil or (m.ticks[#m.ticks] or 0) > now + 400 * DAY then
        return
    end
    local known = math.max(m.seen, m.ticks[#m.ticks] or 0)
    local list = some_ticks()
    for _ = 1, random(2) do
        queue.schedule_top_up(name, list)
    end
    for _, tick in ipairs(list) do
        if tick > known then
            table.insert(m.ticks, tick)
        end
    end
end

function steps.pause(name)
    if model[name] ~= nil and random(3) == 1 then
        queue.schedule_pause(name)
        model[name].is_paused = true
    end
end

function steps.resume(name)
    local m = model[name]
    if m ~= nil then
        queue.schedule_resume(name)
        if m.is_paused then
            m.is_paused, m.seen = false, math.max(m.seen, now)
        end
    end
end
steps.resume_again = steps.resume

function steps.remove(name)
    if random(3) == 1 then
        check(queue.unschedule(name), model[name] ~= nil, 'whether it was there')
        model[name] = nil
    end
end

function steps.rolled_back(name)
    box.begin()
    queue.unschedule(name)
    queue.schedule(name, { tube = 't', every = HOUR })
    queue.schedule_run(name)
    box.rollback()
end

function steps.clock_is_set()
    now = now + random(-DAY, DAY)
    work()
end

function steps.start()
    if random(20) == 1 then
        queue.start()
        timer.stop()
        work()
    end
end

for i = 1, 5 do
    steps['time_passes_' .. i] = function()
        now = now + random(24 * HOUR)
        work()
    end
end

local function compare()
    for _, row in tube.raw.space.index[0]:pairs({ last_id + 1 }, { iterator = 'GE' }) do
        last_id = row.id
        table.insert(got, ('%s %d'):format(row.meta.schedule, row.meta.tick))
    end
    table.sort(got)
    table.sort(expected)
    check(table.concat(got, ', '), table.concat(expected, ', '), 'tasks')
    got, expected = {}, {}
    local listed = 0
    for _, s in ipairs(queue.schedules()) do
        local m = model[s.name]
        listed = listed + 1
        check(m ~= nil, true, s.name .. ' is known')
        check(s.next, next_tick(m), s.name .. ', next')
        check(s.last, m.last, s.name .. ', last')
        check(s.count, m.count, s.name .. ', count')
        check(s.errors, 0, s.name .. ', errors')
        check(s.state == 'paused', m.is_paused, s.name .. ', paused')
    end
    for _ in pairs(model) do
        listed = listed - 1
    end
    check(listed, 0, 'all are listed')
    if tube.raw.sched:total() > 500 then
        tube:truncate()
    end
end

local names = fixture.keys(steps)
table.sort(names)

fixture.run('schedules, walk', {
    { ('every tick of %d steps is put as the model says, seed %d'):format(STEPS, seed), function(test)
        local latest = now
        for step = 1, STEPS do
            local name = names[random(#names)]
            steps[name]('s' .. random(6))
            latest = math.max(latest, now)
            compare()
            fiber.sleep(0)
            if problem ~= nil then
                test:fail(('step %d, %s: %s; MODEL_SEED=%d'):format(step, name, problem, seed))
                return
            end
        end
        test:ok(latest - START > 365 * DAY * STEPS / 4000, ('%d days'):format((latest - START) / DAY))
        test:ok(last_id > STEPS / 2, ('%d tasks'):format(last_id))
    end },
})
