-- What the tests share: an instance in a folder of its own, which goes with the process.

local fio = require('fio')
local fiber = require('fiber')
local tap = require('tap')

local here = fio.dirname(fio.abspath(arg[0]))
local root = fio.dirname(here)
package.path = ('%s/?.lua;%s/?/init.lua;%s'):format(root, root, package.path)

local fixture = { root = root, init = fio.pathjoin(root, 'init.lua') }

local folders = {}

---@return string a new folder, removed by `finish`
function fixture.folder()
    local folder = fio.tempdir()
    table.insert(folders, folder)
    return folder
end

---Starts an instance in this process and gives the queue.
---@param more table|nil options of box.cfg
function fixture.queue(more)
    local folder = fixture.folder()
    local cfg = {
        work_dir = folder, log = fio.pathjoin(folder, 'log'), log_level = 5,
        feedback_enabled = false, listen = '127.0.0.1:0', memtx_memory = 128 * 1024 * 1024,
        -- From 2.6.1 on; the tests hold with it too.
        memtx_use_mvcc_engine = os.getenv('TEST_MVCC') and true or nil,
    }
    for name, value in pairs(more or {}) do
        cfg[name] = value
    end
    box.cfg(cfg)
    rawset(_G, 'queue', require('tarantella'))
    return queue
end

---Waits until `check` gives something true; fails the run after ten seconds.
function fixture.eventually(what, check)
    local deadline = fiber.clock() + 10
    while true do
        local result = check()
        if result then
            return result
        end
        if fiber.clock() > deadline then
            error('waited in vain until ' .. what)
        end
        fiber.sleep(0.002)
    end
end

---@param call function
---@return string|nil code of the error that the call raises
function fixture.code_of(call, ...)
    local ok, cause = pcall(call, ...)
    if ok then
        return nil
    end
    return type(cause) == 'cdata' and cause.type or 'not a box.error: ' .. tostring(cause), tostring(cause)
end

---@return table the keys of a table
function fixture.keys(t)
    local keys = {}
    for key in pairs(t) do
        table.insert(keys, key)
    end
    return keys
end

---@return any what a remote call gave, as a table: some versions give tuples
function fixture.plain(result)
    return box.tuple.is(result) and result:totable() or result
end

---Runs the subtests in order and ends the process with their result.
---@param tests table of { name, function(test) }
function fixture.run(name, tests)
    local ok = tap.test(name, function(test)
        test:plan(#tests)
        for _, case in ipairs(tests) do
            test:test(case[1], function(sub)
                local fine, cause = pcall(case[2], sub)
                if not fine then
                    sub:fail(tostring(cause))
                end
                sub:plan(sub.total)
            end)
        end
    end)
    for _, folder in ipairs(folders) do
        fio.rmtree(folder)
    end
    os.exit(ok and 0 or 1)
end

return fixture
