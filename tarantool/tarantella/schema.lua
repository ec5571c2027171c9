-- The rows of the queue's own spaces, and a space per tube.

local abilities = require('tarantella.abilities')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local fields = require('tarantella.fields')

local schema = {}

---Reserves the next `size` tokens of deliveries. What an instance reserved and did not
---use is lost, so no token is ever given twice, whatever the clock does.
---@return integer first
function schema.reserve_tokens(size)
    local space = box.space[const.TOKEN_SPACE]
    local last = space:get(1)
    local first = last ~= nil and tonumber(last.next) or 1
    space:replace({ 1, first + size })
    return first
end

---Makes the space of a tube's rows, in the caller's transaction.
---@param name string
---@param opts table options of the tube
---@return table space
function schema.create_rows(name, opts)
    local space = box.schema.space.create(name, {
        format = fields.format, temporary = opts.temporary, engine = opts.engine,
    })
    -- The sequence gives ids that are never used again, for no WAL row of its own. The
    -- first is 0, as in tarantool/queue.
    local index = space:create_index('task_id', { parts = { 'id' }, sequence = true })
    box.space._sequence:update(index.sequence_id, { { '=', 'min', 0 }, { '=', 'start', 0 } })
    return space
end

---Adds a tube to the list, in the caller's transaction.
---@param kind string type of the tube
---@param opts table what to store of its options
---@return table row of the tube
function schema.enlist(name, kind, opts)
    return box.space[const.TUBE_SPACE]:insert({ box.NULL, name, kind, opts })
end

---@return table row of the tube
function schema.create_tube(name, kind, opts)
    if box.space[name] ~= nil then
        errors.raise('TUBE_EXISTS', ("Space '%s' already exists"):format(name))
    end
    return box.atomic(function()
        schema.create_rows(name, opts)
        return schema.enlist(name, kind, opts)
    end)
end

---Removes a tube and its rows, in the caller's transaction.
function schema.remove(id, name)
    box.space[const.TUBE_SPACE]:delete(id)
    for _, ability in ipairs(abilities.all()) do
        if ability.dropped ~= nil then
            ability.dropped(id)
        end
    end
    box.space[name]:drop()
end

function schema.drop_tube(id, name)
    box.atomic(schema.remove, id, name)
end

---@return table rows of all tubes
function schema.tubes()
    local records = {}
    for _, record in box.space[const.TUBE_SPACE]:pairs() do
        table.insert(records, record)
    end
    return records
end

return schema
