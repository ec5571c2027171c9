-- The durable rows of a tube: the only writer of its space.
--
-- Every call but `truncate` runs inside a transaction that its caller begins and
-- commits, or reads; none of them yields on memtx.
--
-- Puts and deletions, which every task goes through, are the C API's: what space:insert
-- and pk:delete give is a tuple that Lua's collector must finalize, and two of those
-- per task cost a third of the whole cycle.

local ffi = require('ffi')
local const = require('tarantella.const')
local encode = require('tarantella.encode')
local errors = require('tarantella.errors')
local fields = require('tarantella.fields')
local mp = require('tarantella.mp')

for _, declaration in ipairs({
    'typedef struct tuple box_tuple_t;',
    'typedef struct iterator box_iterator_t;',
    -- Addresses as integers: Lua's interpreter has to make an object for every pointer.
    [[int tarantella_box_insert(uint32_t space_id, intptr_t tuple, intptr_t tuple_end,
        box_tuple_t **result) __asm__("box_insert");]],
    [[int tarantella_box_delete(uint32_t space_id, uint32_t index_id, intptr_t key,
        intptr_t key_end, box_tuple_t **result) __asm__("box_delete");]],
    [[int box_index_get(uint32_t space_id, uint32_t index_id, const char *key,
        const char *key_end, box_tuple_t **result);]],
    [[box_iterator_t *box_index_iterator(uint32_t space_id, uint32_t index_id, int type,
        const char *key, const char *key_end);]],
    'int box_iterator_next(box_iterator_t *itr, box_tuple_t **result);',
    'void box_iterator_free(box_iterator_t *itr);',
}) do
    pcall(ffi.cdef, declaration)
end

local C = ffi.C
local cast = ffi.cast
local address_t = ffi.typeof('intptr_t')
local box_insert, box_delete = C.tarantella_box_insert, C.tarantella_box_delete
local NULL = box.NULL
local GREATER, ALL = box.index.GT, box.index.ALL

-- A key is an array of one integer. `void *` results, because comparing a struct
-- tuple pointer to nil calls the tuple's own __eq, which refuses on 2.6.
local key = ffi.new('uint8_t[10]', { 0x91 })
local key_start = ffi.cast('const char *', key)
local key_address = tonumber(ffi.cast('intptr_t', key_start))
local no_key = ffi.new('char[1]', '\x90')
local found = ffi.new('void *[1]')
local found_tuple = ffi.cast('box_tuple_t **', found)

---@return integer bytes of the key
local function set_key(id)
    local size = mp.put_uint(key, 1, id)
    return size
end

-- The row that a call has given, nil for none. What is here, and not where it is used,
-- the JIT compiles.
local function found_row()
    local p = found[0]
    if p == nil then
        return nil
    end
    return p
end

-- Where the bytes of a buffer begin and end.
local function addresses(bytes)
    local from, to = cast(address_t, bytes.rpos), cast(address_t, bytes.wpos)
    return tonumber(from), tonumber(to)
end

local store = {}
local Store = {}
Store.__index = Store

---For vinyl_store.lua, whose engine reads its arguments after it has yielded, when the
---buffers here are others'.
store.class = Store

---@param space table box.space object of a tube
function store.new(space)
    return setmetatable({
        space = space, pk = space.index[0], space_id = space.id,
        is_vinyl = false,
    }, Store)
end

-- A trigger that a user set on the space runs Lua inside of these calls, which a compiled
-- trace must not do: the server would panic. So they are never compiled.
local function c_insert(space_id, from, to)
    local failed = box_insert(space_id, from, to, found_tuple)
    return failed
end
local function c_delete(space_id, from, to)
    local failed = box_delete(space_id, 0, from, to, found_tuple)
    return failed
end
jit.off(c_insert)
jit.off(c_delete)

---Writes a new task.
---@param due number|nil microseconds since 1970, as `dead`
---@param ttr number|nil microseconds
---@param meta table|nil map that abilities keep beside the payload
---@return cdata the row, good until the next call into box
function Store:insert(state, pri, due, dead, ttr, lane, data, meta)
    local bytes = encode.row(state, pri, due, dead, ttr, lane, data, meta)
    local from, to = addresses(bytes)
    local failed = c_insert(self.space_id, from, to)
    encode.done(bytes)
    if failed ~= 0 then
        box.error()
    end
    local tuple = found_row()
    return tuple
end

-- Before this many writes, asking costs more than it brings.
local PLAIN_FROM = 30
local has_triggers, trigger = pcall(require, 'trigger')

---Whether rows can be written with nothing of the user's running in between, so that
---`count` writes in one go, without a yield, may be the compiled ones below.
function Store:is_plain(count)
    local space = self.space
    if count < PLAIN_FROM or space.index[1] ~= nil or space.constraint ~= nil
        or #space:on_replace() > 0 or #space:before_replace() > 0 then
        return false
    end
    for _, field in ipairs(space:format()) do
        if field.constraint ~= nil then
            return false
        end
    end
    -- Since 3.0 triggers can be set by the space's name too.
    return not has_triggers or next(trigger.info(('box.space.%s.on_replace'):format(space.name))) == nil
        and next(trigger.info(('box.space.%s.before_replace'):format(space.name))) == nil
end

---`insert` for a space that `is_plain`.
function Store:insert_plain(state, pri, due, dead, ttr, lane, data, meta)
    local bytes = encode.row(state, pri, due, dead, ttr, lane, data, meta)
    local from, to = addresses(bytes)
    local failed = box_insert(self.space_id, from, to, found_tuple)
    encode.done(bytes)
    if failed ~= 0 then
        box.error()
    end
    local tuple = found_row()
    return tuple
end

---`delete` for a space that `is_plain`.
function Store:delete_plain(id)
    if box_delete(self.space_id, 0, key_address, key_address + set_key(id), found_tuple) ~= 0 then
        box.error()
    end
    local tuple = found_row()
    return tuple
end

---@return cdata|nil the row, good until the next call into box
function Store:get(id)
    if C.box_index_get(self.space_id, 0, key_start, key_start + set_key(id), found_tuple) ~= 0 then
        box.error()
    end
    local tuple = found_row()
    return tuple
end

---@return cdata|nil the row that is gone, good until the next call into box
function Store:delete(id)
    if c_delete(self.space_id, key_address, key_address + set_key(id)) ~= 0 then
        box.error()
    end
    local tuple = found_row()
    return tuple
end

function Store:bury(id)
    return self.pk:update(id, { { '=', fields.state, const.BURIED }, { '=', fields.due, NULL } })
end

function Store:kick(id)
    return self.pk:update(id, { { '=', fields.state, const.READY }, { '=', fields.due, NULL } })
end

---@param due number microseconds since 1970
---@param dead number|nil
function Store:delay(id, due, dead)
    return self.pk:update(id, {
        { '=', fields.state, const.DELAYED }, { '=', fields.due, due }, { '=', fields.dead, dead or NULL },
    })
end

function Store:outlive(id, dead)
    return self.pk:update(id, { { '=', fields.dead, dead } })
end

---@return integer rows
function Store:count()
    return self.space:len()
end

---Calls `visit(row)` for up to `limit` rows with ids above `after`, in order of id.
---@param after integer -1 for all
---@return integer how many there were
function Store:scan(after, limit, visit)
    local iterator
    if after < 0 then
        iterator = C.box_index_iterator(self.space_id, 0, ALL, no_key, no_key + 1)
    else
        iterator = C.box_index_iterator(self.space_id, 0, GREATER, key_start, key_start + set_key(after))
    end
    if iterator == nil then
        box.error()
    end
    local n = 0
    while n < limit do
        if C.box_iterator_next(iterator, found_tuple) ~= 0 then
            C.box_iterator_free(iterator)
            box.error()
        end
        if found[0] == nil then
            break
        end
        n = n + 1
        visit(found[0])
    end
    C.box_iterator_free(iterator)
    return n
end

---Deletes all rows. Ids go on where they were.
function Store:truncate()
    if box.is_in_txn() then
        errors.raise('INVALID_ARGUMENT', 'truncate() cannot be part of a transaction')
    end
    self.space:truncate()
end

return store
