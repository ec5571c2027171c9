#!/usr/bin/env tarantool
-- The rock has every module.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local fio = require('fio')

local path = fio.pathjoin(fixture.root, 'tarantella-scm-1.rockspec')
local spec = {}
setfenv(assert(loadfile(path)), spec)()

local function files(folder, into)
    for _, name in ipairs(fio.listdir(fio.pathjoin(fixture.root, folder))) do
        local relative = folder .. '/' .. name
        if fio.path.is_dir(fio.pathjoin(fixture.root, relative)) then
            files(relative, into)
        elseif name:match('%.lua$') then
            into[relative:gsub('%.lua$', ''):gsub('/init$', ''):gsub('/', '.')] = relative
        end
    end
    return into
end

fixture.run('rockspec', {
    { 'lists the modules that there are', function(test)
        test:is_deeply(spec.build.modules, files('roles', files('tarantella', {})), 'by name and file')
        test:is(spec.package .. ' ' .. spec.build.type, 'tarantella builtin', 'a rock of Lua alone')
    end },
})
