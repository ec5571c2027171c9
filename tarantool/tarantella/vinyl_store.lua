-- The rows of a tube whose engine is vinyl: `store.lua` with calls that may yield, each
-- of which reads from disk. Whoever reads keeps the task out of others' sight meanwhile.

local msgpack = require('msgpack')
local const = require('tarantella.const')
local fields = require('tarantella.fields')
local payload = require('tarantella.payload')
local store = require('tarantella.store')

local NULL = box.NULL

local VinylStore = setmetatable({}, { __index = store.class })
VinylStore.__index = VinylStore

local vinyl_store = {}

---@param space table box.space object of a tube
function vinyl_store.new(space)
    local self = setmetatable(store.new(space), VinylStore)
    self.is_vinyl = true
    return self
end

local function decoded(data)
    if data == nil then
        return NULL
    end
    return payload.is(data) and msgpack.decode(data.bytes) or data
end

function VinylStore:is_plain() -- luacheck: no self
    return false
end

function VinylStore:insert(state, pri, due, dead, ttr, lane, data, meta)
    return self.space:insert({
        [fields.id] = NULL, [fields.state] = state, [fields.pri] = pri,
        [fields.due] = due or NULL, [fields.dead] = dead or NULL, [fields.ttr] = ttr or NULL,
        [fields.lane] = lane or NULL, [fields.meta] = meta or NULL,
        [fields.data] = decoded(data),
    })
end

---@return box.tuple|nil
function VinylStore:get(id)
    return self.pk:get(id)
end

---@return box.tuple|nil the row that is gone, which vinyl itself does not give
function VinylStore:delete(id)
    local tuple = self.pk:get(id)
    if tuple ~= nil then
        self.pk:delete(id)
    end
    return tuple
end

function VinylStore:scan(after, limit, visit)
    local rows = self.pk:select(after < 0 and {} or after, {
        iterator = after < 0 and 'ALL' or 'GT', limit = math.min(limit, const.SLICE_STEPS),
    })
    for _, tuple in ipairs(rows) do
        visit(tuple)
    end
    return #rows
end

return vinyl_store
