-- Notes of tasks that run: how far they are, and lines of a log. Kept in memory until the
-- task ends, then with its result.

local msgpack = require('msgpack')
local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local holder = require('tarantella.ability.holder')

local notes = {}

local function notes_of(tube, id)
    local live = tube.outcomes.live
    live[id] = live[id] or {}
    return live[id]
end

---Says how far a taken task is. It is kept until the task ends, and then with its result;
---a restart forgets it.
---@param value any
function notes.progress(tube, _, _, id, value, opts)
    holder.need(tube, 'progress')
    holder.held(tube, args.id(id), holder.token_of(opts, 'progress'))
    local ok, bytes = pcall(msgpack.encode, value)
    if not ok then
        errors.raise('INVALID_ARGUMENT', 'Expected `progress` to have a MessagePack form: ' .. tostring(bytes))
    elseif #bytes > const.MAX_PROGRESS_BYTES then
        errors.raise('INVALID_ARGUMENT', ('Expected `progress` to have at most %d bytes, got %d'):format(
            const.MAX_PROGRESS_BYTES, #bytes))
    end
    notes_of(tube, args.id(id)).progress = value
end

---Adds a line to the log of a taken task; the last MAX_LOG_LINES are kept, as progress is.
---@param line string
function notes.add_line(tube, _, _, id, line, opts)
    holder.need(tube, 'log')
    holder.held(tube, args.id(id), holder.token_of(opts, 'log'))
    if type(line) ~= 'string' then
        errors.invalid('line', 'a string', line)
    end
    local own = notes_of(tube, args.id(id))
    own.log = own.log or {}
    table.insert(own.log, line:sub(1, const.MAX_LOG_BYTES))
    if #own.log > const.MAX_LOG_LINES then
        table.remove(own.log, 1)
    end
end

return notes
