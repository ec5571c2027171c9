#!/usr/bin/env tarantool
-- MessagePack by hand, as rows, replies and requests have it, against Tarantool's own.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local ffi = require('ffi')
local msgpack = require('msgpack')
local uuid = require('uuid')
local fields = require('tarantella.fields')
local mp = require('tarantella.mp')
local row = require('tarantella.row')

-- Both sides of each size, and one of each power of two.
local function numbers()
    local list = { 0, 1, 2 ^ 53 - 1 }
    for bits = 1, 52 do
        for _, value in ipairs({ 2 ^ bits - 1, 2 ^ bits, 2 ^ bits + 1, 2 ^ bits + math.random(0, 2 ^ bits - 1) }) do
            table.insert(list, value)
        end
    end
    return list
end

local bytes = ffi.new('uint8_t[32]')

local function written(write, value)
    ffi.fill(bytes, 32, 0xff)
    local size = write(bytes, 3, value) - 3
    return ffi.string(bytes + 3, size)
end

-- A row whose fields are all that number, or what stands for it there.
local function row_of(value)
    return box.tuple.new({
        [fields.id] = value, [fields.state] = 'r', [fields.pri] = value, [fields.due] = value,
        [fields.dead] = value, [fields.ttr] = value, [fields.lane] = box.NULL, [fields.meta] = box.NULL,
        [fields.data] = 1,
    })
end

local function row_says(value)
    local tuple = row_of(value)
    return row.id(tuple) == value and row.pri(tuple) == value and row.due(tuple) == value
        and row.dead(tuple) == value and row.ttr(tuple) == value
end

-- Any value, with all the widths of lengths among those of a thousand.
local function random_value(depth)
    local kind = math.random(depth > 0 and 9 or 7)
    if kind == 1 then
        return math.random(0, 1) == 1
    elseif kind == 2 then
        return box.NULL
    elseif kind == 3 then
        return math.random() * 2 ^ math.random(-60, 60)
    elseif kind == 4 then
        return math.random(-2 ^ 31, 2 ^ 31) * math.random(0, 2 ^ 20)
    elseif kind == 5 then
        return ('x'):rep(({ math.random(0, 31), math.random(32, 255), math.random(256, 70000) })[math.random(3)])
    elseif kind == 6 then
        return uuid.new()
    elseif kind == 7 then
        return ffi.cast('float', 0.5)
    end
    local value = {}
    for i = 1, ({ math.random(0, 15), math.random(16, 70) })[math.random(2)] do
        value[kind == 8 and i or 'k' .. i] = random_value(depth - 2)
    end
    return value
end

-- The lengths that Tarantool's encoder never writes, or hardly ever.
local RARE = {
    '\xc4\x03abc', '\xc5\x00\x03abc', '\xc6\x00\x00\x00\x03abc', '\xc7\x03\x09abc', '\xc8\x00\x03\x09abc',
    '\xc9\x00\x00\x00\x03\x09abc', '\xd4\x01a', '\xd5\x01ab', '\xd6\x01abcd', '\xd7\x01abcdefgh',
    '\xd8\x01abcdefghabcdefgh', '\xd9\x03abc', '\xda\x00\x03abc', '\xdb\x00\x00\x00\x03abc',
    '\xdc\x00\x02\x01\xc0', '\xdd\x00\x00\x00\x02\x01\xc0', '\xde\x00\x01\x01\xc0',
    '\xdf\x00\x00\x00\x02\x01\xc0\x02\x90', '\xca\x00\x00\x00\x00',
}

-- Whether the value ends where its bytes do, whatever stands behind it.
local function ends(value)
    local behind = value .. '\xdf\xff\xff\xff\xff'
    return mp.skip(ffi.cast('const uint8_t *', behind), 0) == #value
end

local seed = os.time()
math.randomseed(seed)

fixture.run('MessagePack', {
    { 'values are passed as they are, whatever they hold', function(test)
        local wrong = {}
        for i = 1, 1000 do
            local value = msgpack.encode(random_value(i % 5))
            if not ends(value) then
                table.insert(wrong, value:sub(1, 20):hex())
            end
        end
        test:is_deeply(wrong, {}, ('of any kind, seed %d'):format(seed))
        for _, value in ipairs(RARE) do
            test:ok(ends(value), 'lead ' .. value:sub(1, 1):hex())
        end
    end },
    { 'arrays say how many values they hold, and nothing else does', function(test)
        for count, header in pairs({
            [0] = '\x90', [15] = '\x9f', [258] = '\xdc\x01\x02', [65538] = '\xdd\x00\x01\x00\x02',
        }) do
            local found, at = mp.array(ffi.cast('const uint8_t *', header), 0)
            test:ok(found == count and at == #header, ('of %d'):format(count))
        end
        for _, other in ipairs({ '\x81', '\xa1', '\x01', '\xc0', '\xdf' }) do
            test:is(mp.array(ffi.cast('const uint8_t *', other), 0), nil, 'lead ' .. other:hex())
        end
    end },
    { 'integers are written in the shortest form', function(test)
        local wrong = {}
        for _, value in ipairs(numbers()) do
            -- Tarantool's encoder takes a double beyond 2^53 for one, never below.
            if written(mp.put_uint, value) ~= msgpack.encode(value) then
                table.insert(wrong, value)
            end
        end
        test:is_deeply(wrong, {}, ('as Tarantool writes them, seed %d'):format(seed))
    end },
    { 'integers below zero are written in the shortest form', function(test)
        local wrong = {}
        for _, value in ipairs(numbers()) do
            if written(mp.put_int, -value) ~= msgpack.encode(-value) then
                table.insert(wrong, -value)
            end
        end
        test:is_deeply(wrong, {}, ('as Tarantool writes them, seed %d'):format(seed))
    end },
    { 'integers are read from rows, one way after another and in a loop that is compiled', function(test)
        local wrong = {}
        local list = numbers()
        for _ = 1, 3 do
            for _, value in ipairs(list) do
                for _ = 1, 60 do
                    if not row_says(value) then
                        table.insert(wrong, value)
                    end
                end
            end
        end
        test:is_deeply(wrong, {}, ('as they are, seed %d'):format(seed))
    end },
    { 'integers below zero are read from rows', function(test)
        local wrong = {}
        for _, value in ipairs(numbers()) do
            if row.pri(row_of(-value)) ~= -value then
                table.insert(wrong, -value)
            end
        end
        test:is_deeply(wrong, {}, ('as they are, seed %d'):format(seed))
    end },
})
