-- Tarantella, a tube-oriented task queue.
--
--   box.cfg{...}
--   queue = require('tarantella')
--   queue.create_tube('push', 'fifottl', { if_not_exists = true })
--
-- It may be required before box.cfg{} too, and once more after its files have changed.
-- The functions and their arguments are described in docs/server.md.

local fio = require('fio')

-- Newer servers look for each module in some thirty places; for a hundred modules that took
-- 50 ms of the thread that serves everybody. Where this file lies, the others do.
local function load_from(folder, prefix, loaders)
    for _, name in ipairs(fio.listdir(folder) or {}) do
        local path = fio.pathjoin(folder, name)
        local module = name:match('^(.*)%.lua$')
        if module ~= nil then
            loaders[prefix .. module] = function(...)
                return assert(loadfile(path))(...)
            end
        elseif fio.path.is_dir(path) then
            load_from(path, prefix .. name .. '.', loaders)
        end
    end
    return loaders
end

local folder = debug.getinfo(1, 'S').source:match('^@(.*)/init%.lua$')
local loaders = folder ~= nil and load_from(folder, 'tarantella.', {}) or {}
for name, loader in pairs(loaders) do
    package.preload[name] = loader
end
local ok, result = pcall(function()
    require('tarantella.handover').start()
    return require('tarantella.api.front').table()
end)
for name, loader in pairs(loaders) do
    if package.preload[name] == loader then
        package.preload[name] = nil
    end
end
if not ok then
    error(result, 0)
end
return result
