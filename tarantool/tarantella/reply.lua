-- Replies as tuples made of bytes: a payload is copied from its row, never decoded.
--
--   task    [id, state, data] | [id, state, data, token] | [id, state, data, token, attempt]
--   results [result, …]       result = task | [id, state] | {code: str, message: str}
--
-- One buffer serves all fibers, so nothing may yield between `open` and `close`.
-- Against tuple:update this takes 0.3 us instead of 4 (2.6.0, a payload of 40 bytes).

local ffi = require('ffi')
local memory = require('tarantella.schedule.memory')
local mp = require('tarantella.mp')
local row = require('tarantella.row')

for _, declaration in ipairs({
    'typedef struct tuple box_tuple_t;',
    'struct tuple_format *box_tuple_format_default(void);',
    'box_tuple_t *box_tuple_new(struct tuple_format *format, const char *data, const char *end);',
    'int box_tuple_ref(box_tuple_t *tuple);',
    'void box_tuple_unref(box_tuple_t *tuple);',
}) do
    pcall(ffi.cdef, declaration)
end

local C = ffi.C
local text_t = ffi.typeof('const char *')
local collected = ffi.gc
-- Tarantool's own type of a tuple in Lua.
local tuple_t = ffi.typeof(box.tuple.new({}))

-- Room for the widest array header, which is written last, just before the items.
local HEADER = 5
local FIRST_CAPACITY = 4096
-- A buffer that one big reply blew up is given back.
local KEEP_BYTES = 1024 * 1024

local block, buffer, capacity = nil, nil, 0
local at, count = HEADER, 0

local reply = {}

local function reserve(bytes)
    if at + bytes > capacity then
        capacity = math.max(FIRST_CAPACITY, capacity * 2, at + bytes)
        block = block or memory.new()
        memory.grow(block, capacity)
        buffer = ffi.cast('uint8_t *', block.at)
    end
end

-- These write to room that the caller has reserved.
local function put_uint(value)
    at = mp.put_uint(buffer, at, value)
end

local function put_letter(letter)
    buffer[at], buffer[at + 1] = 0xa1, letter:byte()
    at = at + 2
end

local function put_text(text)
    at = mp.put_text(buffer, at, text)
end

local function put_task(tuple, id, letter, token, attempt, name)
    local data, size = row.data(tuple)
    reserve(size + (name ~= nil and #name + 40 or 32))
    buffer[at] = (name ~= nil and 0x91 or 0x90) + (attempt and 5 or token and 4 or 3)
    at = at + 1
    if name ~= nil then
        put_text(name)
    end
    put_uint(id)
    put_letter(letter)
    if size == 0 then
        buffer[at] = 0xc0
        at = at + 1
    else
        ffi.copy(buffer + at, data, size)
        at = at + size
    end
    if token then
        put_uint(token)
    end
    if attempt then
        put_uint(attempt)
    end
end

local unref = C.box_tuple_unref

-- A tuple that has a reference already, nil if there is no memory for it. Apart from
-- `make`, which the JIT cannot compile whole for the sake of ffi.gc.
local function fresh(from)
    local start = ffi.cast(text_t, buffer)
    local tuple = C.box_tuple_new(C.box_tuple_format_default(), start + from, start + at)
    if ffi.cast('void *', tuple) == nil then
        return nil
    end
    C.box_tuple_ref(tuple)
    local reference = ffi.cast(tuple_t, tuple)
    return reference
end

local function make(from)
    local tuple = fresh(from)
    if capacity > KEEP_BYTES then
        block, buffer, capacity = nil, nil, 0
    end
    if not tuple then
        box.error()
    end
    collected(tuple, unref)
    return tuple
end

---@param tuple cdata the task's row
---@param id integer
---@param letter string state
---@param token integer|nil added as a fourth field
---@param attempt integer|nil added as a fifth field, after a token
---@return box.tuple
function reply.task(tuple, id, letter, token, attempt)
    at = HEADER
    put_task(tuple, id, letter, token, attempt)
    local task = make(HEADER)
    return task
end

---Begins a list of results.
function reply.open()
    at, count = HEADER, 0
    reserve(64)
end

function reply.add_task(tuple, id, letter, token, attempt)
    put_task(tuple, id, letter, token, attempt)
    count = count + 1
end

---The same with the name of its tube in front.
function reply.add_task_of(name, tuple, id, letter, token, attempt)
    put_task(tuple, id, letter, token, attempt, name)
    count = count + 1
end

---@param outcome string|nil what became of a put instead of a new task; a third field
function reply.add_state(id, letter, outcome)
    reserve(outcome and 16 + #outcome + 5 or 16)
    buffer[at] = outcome and 0x93 or 0x92
    at = at + 1
    put_uint(id)
    put_letter(letter)
    if outcome then
        put_text(outcome)
    end
    count = count + 1
end

function reply.add_failure(code, message)
    message = message:sub(1, 1024)
    reserve(#code + #message + 32)
    buffer[at] = 0x82
    at = at + 1
    put_text('code')
    put_text(code)
    put_text('message')
    put_text(message)
    count = count + 1
end

---@return integer bytes so far
function reply.size()
    return at - HEADER
end

---@return box.tuple the list
function reply.close()
    local from
    if count < 16 then
        from = HEADER - 1
        buffer[from] = 0x90 + count
    elseif count < 65536 then
        from = HEADER - 3
        buffer[from], buffer[from + 1], buffer[from + 2] = 0xdc, bit.rshift(count, 8), bit.band(count, 255)
    else
        from = 0
        buffer[0], buffer[1], buffer[2] = 0xdd, bit.rshift(count, 24), bit.band(bit.rshift(count, 16), 255)
        buffer[3], buffer[4] = bit.band(bit.rshift(count, 8), 255), bit.band(count, 255)
    end
    return make(from)
end

return reply
