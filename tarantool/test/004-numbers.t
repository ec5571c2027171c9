#!/usr/bin/env tarantool
-- Integers as rows and replies have them, against Tarantool's own MessagePack.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local ffi = require('ffi')
local msgpack = require('msgpack')
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

local seed = os.time()
math.randomseed(seed)

fixture.run('numbers', {
    { 'are written in the shortest form', function(test)
        local wrong = {}
        for _, value in ipairs(numbers()) do
            -- Tarantool's encoder takes a double beyond 2^53 for one, never below.
            if written(mp.put_uint, value) ~= msgpack.encode(value) then
                table.insert(wrong, value)
            end
        end
        test:is_deeply(wrong, {}, ('as Tarantool writes them, seed %d'):format(seed))
    end },
    { 'below zero are written in the shortest form', function(test)
        local wrong = {}
        for _, value in ipairs(numbers()) do
            if written(mp.put_int, -value) ~= msgpack.encode(-value) then
                table.insert(wrong, -value)
            end
        end
        test:is_deeply(wrong, {}, ('as Tarantool writes them, seed %d'):format(seed))
    end },
    { 'are read from rows, one way after another and in a loop that is compiled', function(test)
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
    { 'below zero are read from rows', function(test)
        local wrong = {}
        for _, value in ipairs(numbers()) do
            if row.pri(row_of(-value)) ~= -value then
                table.insert(wrong, -value)
            end
        end
        test:is_deeply(wrong, {}, ('as they are, seed %d'):format(seed))
    end },
})
