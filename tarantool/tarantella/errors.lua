-- Errors of the queue: box.error objects whose `type` is a stable code and whose
-- text is that of tarantool/queue where it has one.

local errors = {}

---@param code string stable code, see docs/server.md
---@param text string
---@return box.error
function errors.new(code, text)
    return box.error.new({ type = code, reason = text })
end

-- Raised as an object, so the text gets no "file:line:" in front of it.
function errors.raise(code, text)
    error(errors.new(code, text), 0)
end

function errors.not_taken()
    errors.raise('TASK_NOT_TAKEN', 'Task was not taken')
end

function errors.task_not_found(id)
    errors.raise('TASK_NOT_FOUND', ('Task %s not found'):format(tostring(id):gsub('U?LL$', '')))
end

function errors.tube_not_found()
    errors.raise('TUBE_NOT_FOUND', 'Tube not found')
end

function errors.not_running(state)
    errors.raise('QUEUE_NOT_RUNNING', ('Queue is in %s state'):format(state))
end

---@param name string the argument or option
---@param expected string what it has to be
function errors.invalid(name, expected, got)
    if type(got) == 'string' then
        got = ("'%s'"):format(#got > 40 and got:sub(1, 40) .. '...' or got)
    end
    errors.raise('INVALID_ARGUMENT', ('Expected `%s` to be %s, got %s (%s)'):format(
        name, expected, tostring(got), type(got)))
end

-- ER_MEMTX_MAX_TUPLE_SIZE, and the sizes that no slab can hold.
local TOO_LARGE = {
    [box.error.MEMTX_MAX_TUPLE_SIZE or 110] = true,
    [box.error.SLAB_ALLOC_MAX or 110] = true,
}

local code_names = {}
for name, code in pairs(box.error) do
    if type(code) == 'number' then
        code_names[code] = 'ER_' .. name
    end
end

---Gives a failed write its stable code, and leaves every other error as it is.
---@param cause any what pcall caught
---@return any
function errors.of_write(cause)
    -- Encoding fails before anything is written; as a string or as an object, by version.
    if tostring(cause):find('unsupported Lua type', 1, true) then
        return errors.new('INVALID_ARGUMENT', 'Expected `data` to have a MessagePack form: ' .. tostring(cause))
    end
    if type(cause) ~= 'cdata' then
        return cause
    end
    if TOO_LARGE[cause.code] then
        return errors.new('TASK_TOO_LARGE', ('Task is too large: %s (memtx_max_tuple_size is %s bytes)'):format(
            cause.message, tostring(box.cfg.memtx_max_tuple_size)))
    end
    -- No ClientError: its number is not seen in Lua.
    if cause.type == 'OutOfMemory' then
        return errors.new('MEMORY_FULL', ('No memory for a task: %s (memtx_memory is %s bytes)'):format(
            cause.message, tostring(box.cfg.memtx_memory)))
    end
    return cause
end

---@return string code, string message of whatever pcall caught
function errors.describe(cause)
    if type(cause) ~= 'cdata' then
        return 'ER_PROC_LUA', tostring(cause)
    end
    if cause.code == 0 or cause.type ~= 'ClientError' and code_names[cause.code] == nil then
        return cause.type, cause.message
    end
    return code_names[cause.code] or cause.type, cause.message
end

return errors
