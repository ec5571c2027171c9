#!/usr/bin/env tarantool
-- Leaky buckets that all clients share: the numbers of nginx, idle keys that make room, bounds.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local fio = require('fio')
local json = require('json')
local limiter = require('tarantella.limiter')

local LIMIT = { rate = 5000, burst = 12000, delay = 8000, size = 1000 }

local function start(max_keys)
    local time = { now = 0 }
    return limiter.new(function() return time.now end, max_keys), time
end

local function limit(over)
    local merged = {}
    for name, value in pairs(LIMIT) do
        merged[name] = over[name] or value
    end
    return merged
end

local function vectors()
    local path = fio.pathjoin(fio.dirname(fixture.root), 'test/fixtures/leaky-bucket.json')
    local file = assert(fio.open(path, { 'O_RDONLY' }))
    local text = file:read()
    file:close()
    return json.decode(text).nginx_integer_model.groups
end

local function granted(buckets, key, own, times)
    local count = 0
    for _ = 1, times do
        count = count + (buckets:check('z', { key }, own)[1][1] and 1 or 0)
    end
    return count
end

fixture.run('limiter', {
    { 'answers as nginx does, whose numbers are the vectors', function(test)
        local settings = {
            LIMIT, LIMIT, limit({ delay = math.huge }),
            limit({ rate = 1000, burst = 5000, delay = 0 }), LIMIT,
        }
        for i, group in ipairs(vectors()) do
            local buckets, time = start()
            local wrong = {}
            for _, case in ipairs(group.cases) do
                time.now = case.t_ms
                local verdict = buckets:check('z', { 'k' }, settings[i])[1]
                local as_wanted = verdict[1] == case.granted
                    and (not case.granted or math.abs(verdict[2] * 1000 - case.delay_ms) < 1e-6)
                    and verdict[3] * 1000 == case.excess_milli
                if not as_wanted then
                    table.insert(wrong, json.encode({ case, verdict }))
                end
            end
            test:is_deeply(wrong, {}, group.name)
        end
    end },
    { 'a refusal says when to ask again, and changes nothing', function(test)
        local buckets, time = start()
        test:is(granted(buckets, 'k', LIMIT, 50), 13, 'burst and one')
        test:is_deeply(buckets:check('z', { 'k' }, LIMIT)[1], { false, 0.2, 13 }, 'in 0.2 s')
        time.now = 199
        test:is(granted(buckets, 'k', LIMIT, 5), 0, 'not before')
        time.now = 200
        test:is(granted(buckets, 'k', LIMIT, 5), 1, 'then one')
    end },
    { 'idle time earns nothing beyond the burst, and a clock that steps back nothing at all', function(test)
        local buckets, time = start()
        granted(buckets, 'k', LIMIT, 5)
        time.now = 1000000
        test:is(granted(buckets, 'k', LIMIT, 600), 13, 'burst and one')
        time.now = 0
        test:is(granted(buckets, 'k', LIMIT, 5), 0, 'none')
        time.now = 1000200
        test:is(granted(buckets, 'k', LIMIT, 5), 1, 'the rate goes on from the latest grant')
    end },
    { 'many keys of one call are separate, and the same key counts twice', function(test)
        local buckets = start()
        local own = limit({ burst = 1000, delay = 0 })
        test:is_deeply(buckets:check('z', { 'a', 'b', 'a', 'a' }, own),
            { { true, 0, 0 }, { true, 0, 0 }, { true, 0.2, 1 }, { false, 0.2, 2 } }, 'in order')
        test:is_deeply(buckets:check('other', { 'a' }, own)[1], { true, 0, 0 }, 'by zone')
    end },
    { 'a full zone refuses new keys until one of it is idle, and never forgets an active one', function(test)
        local buckets, time = start()
        local own = limit({ size = 3, burst = 0 })
        for _, key in ipairs({ 'a', 'b', 'c' }) do
            test:is(granted(buckets, key, own, 1), 1, key)
        end
        test:is_deeply(buckets:check('z', { 'd' }, own)[1], { false, 0.2, 0 }, 'full')
        time.now = 100
        granted(buckets, 'a', limit({ size = 3 }), 1)
        time.now = 200
        test:is(granted(buckets, 'd', own, 1), 1, 'd has the place of an idle one')
        test:is(granted(buckets, 'a', own, 1), 0, 'a is still known')
        test:is(buckets.key_count, 2, 'two idle ones have gone')
    end },
    { 'the keys of all zones together are bounded, and empty zones go', function(test)
        local buckets, time = start(10)
        for i = 1, 5 do
            for key = 1, 2 do
                buckets:check('z' .. i, { tostring(key) }, LIMIT)
            end
        end
        test:is(buckets.zone_count, 5, 'zones')
        test:is_deeply(buckets:check('more', { 'k' }, LIMIT)[1], { false, 1, 0 }, 'no room')
        time.now = 1000
        test:is(granted(buckets, 'k', LIMIT, 20), 13, 'room again, and a bucket that is remembered')
        for i = 1, 20 do
            buckets:check('z1', { 'm' .. i }, LIMIT)
        end
        test:is(buckets.zone_count, 2, 'the others are gone')
        test:is(buckets.key_count, 10, 'full of one zone')
    end },
    { 'gives to each key exactly what it would have without other keys', function(test)
        local crowd, time = start()
        local own = limit({ size = 8, burst = 3000 })
        math.randomseed(7)
        local alone, wrong = {}, 0
        for _ = 1, 20000 do
            time.now = time.now + math.random(0, 120)
            local key = tostring(math.random(1, 12))
            local verdict = crowd:check('z', { key }, own)[1]
            if not (verdict[1] == false and verdict[3] == 0) then
                alone[key] = alone[key] or limiter.new(function() return time.now end)
                local wanted = alone[key]:check('z', { key }, own)[1]
                if wanted[1] ~= verdict[1] or wanted[2] ~= verdict[2] then
                    wrong = wrong + 1
                end
            end
        end
        test:is(wrong, 0, 'forgotten keys were idle')
        test:ok(crowd.key_count <= 8, 'bounded')
    end },
})
