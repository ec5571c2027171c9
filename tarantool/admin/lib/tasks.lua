-- Tasks as tables.

local fiber = require('fiber')
local tables = require('lib.tables')
local text = require('lib.text')

local tasks = {}

local STATES = { r = 'ready', ['~'] = 'delayed', t = 'taken', ['!'] = 'buried', w = 'waiting', ['-'] = 'done' }

local COLUMNS = {
    { name = 'ID', right = true }, { name = 'STATE' }, { name = 'PRI', right = true },
    { name = 'LANE', optional = true }, { name = 'DUE', optional = true }, { name = 'ENDS', optional = true },
    { name = 'TRIES', right = true, optional = true }, { name = 'SESSION', right = true, optional = true },
    { name = 'BYTES', right = true }, { name = 'DATA' },
}

---@return table that is an array in JSON, even without an item
function tasks.seq(list)
    return setmetatable(list, { __serialize = 'seq' })
end

---@return string
function tasks.id(id)
    return (tostring(id):gsub('U?LL$', ''))
end

---@return string
function tasks.state(letter)
    return STATES[letter] or letter
end

---@param list table[] as `queue.list` gives them, with previews
---@param nothing string what to say of none
function tasks.print(list, nothing)
    local now, rows = fiber.time(), {}
    for _, task in ipairs(list) do
        table.insert(rows, {
            tasks.id(task.id), tasks.state(task.state), tasks.id(task.pri), task.utube or '',
            text.away(task.due, now), text.away(task.dead, now),
            task.attempts ~= nil and tasks.id(task.attempts) or '',
            task.session ~= nil and tasks.id(task.session) or '',
            text.number(task.bytes), task.preview or '',
        })
    end
    tables.print(COLUMNS, rows, nothing)
end

---Prints what a function of many ids answered.
---@param verb string what was done, such as `kicked`
---@return integer exit code: 1 if some could not be changed
function tasks.report(c, ids, results, verb)
    local done, failed = 0, {}
    for i, result in ipairs(results) do
        if result.code ~= nil then
            table.insert(failed, ('%s: %s'):format(tasks.id(ids[i]), result.message))
        else
            done = done + 1
        end
    end
    c.answer(results, function()
        print(('%s %d of %s'):format(verb, done, text.tasks(#ids)))
        for _, line in ipairs(failed) do
            print('  ' .. line)
        end
    end)
    return #failed > 0 and 1 or 0
end

---Calls a function of filters until nothing is left; it does a bounded part at a time.
---@param limit integer|nil most tasks
---@return integer how many
function tasks.sweep(limit, step)
    local count = 0
    repeat
        local result = step(limit ~= nil and limit - count or nil)
        count = count + result.count
    until not result.more or result.full or limit ~= nil and count >= limit or result.count == 0
    return count
end

return tasks
