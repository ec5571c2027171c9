#!/usr/bin/env tarantool
-- The Lua code of the documentation can be compiled.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local fio = require('fio')

local DOCS = fio.pathjoin(fio.dirname(fixture.root), 'docs')

local function read(path)
    local file = fio.open(path, { 'O_RDONLY' })
    local text = file:read()
    file:close()
    return text
end

local function blocks(text)
    local all = {}
    for indent, code in ('\n' .. text):gmatch('\n( *)```lua\n(.-)\n *```') do
        table.insert(all, (('\n' .. code):gsub('\n' .. indent, '\n')))
    end
    return all
end

local tests = {}
for _, path in ipairs(fio.glob(fio.pathjoin(DOCS, '*.md'))) do
    local page = fio.basename(path)
    local list = blocks(read(path))
    if #list > 0 then
        table.insert(tests, { ('%s: %d blocks'):format(page, #list), function(test)
            for i, code in ipairs(list) do
                local chunk, cause = loadstring(code, ('=%s, block %d'):format(page, i))
                test:ok(chunk ~= nil, cause or ('block %d compiles'):format(i))
            end
        end })
    end
end

fixture.run('docs', tests)
