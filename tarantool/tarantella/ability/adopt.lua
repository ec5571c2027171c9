-- Takes over the tubes of tarantool/queue from its spaces, and gives them back.
--
-- The tasks are copied into a space beside the old one, some hundreds per commit; then one
-- transaction gives the old space another name and the new one its place. Until then
-- nothing has changed, so a copy that was cut off is simply begun anew. The old space
-- stays until `adopt_finish`: `adopt_undo` writes today's tasks into it and puts it back.

local fiber = require('fiber')
local log = require('log')
local args = require('tarantella.api.args')
local const = require('tarantella.const')
local errors = require('tarantella.errors')
local legacy_rows = require('tarantella.legacy_rows')
local registry = require('tarantella.registry')
local schema = require('tarantella.schema')
local timer = require('tarantella.timer')
local tube_opts = require('tarantella.api.tube_opts')

local LIST = '_queue'
-- Beside the tube's name, while copying and afterwards.
local COPY, KEPT = '_tarantella_copy', '_tarantool_queue'
local DRY_RUN = { dry_run = true }
-- Options of its tubes that ours have too; `ttl` and `ttr` of a hundred years mean none.
local OPTIONS = { 'ttl', 'ttr', 'pri', 'capacity', 'engine', 'temporary', 'storage_mode' }

local function meta_key(name)
    return 'adopted:' .. name
end

local function refuse(text, ...)
    errors.raise('INVALID_ARGUMENT', text:format(...))
end

local function check_alone()
    if package.loaded['queue.abstract'] ~= nil then
        refuse('The module tarantool/queue runs in this instance: start it without, then adopt')
    end
    if box.space[LIST] == nil then
        refuse('Expected the space %s of tarantool/queue; there is none', LIST)
    end
end

-- Options of our tube for one of theirs.
local function options_of(record)
    local theirs, opts = record.opts or {}, {}
    for _, name in ipairs(OPTIONS) do
        local value = theirs[name]
        local is_none = (name == 'ttl' or name == 'ttr') and tonumber(value or 0) >= const.MAX_DURATION_S
        if value ~= nil and not is_none then
            opts[name] = value
        end
    end
    if record.tube_type:match('^utube') then
        -- A task without a lane is in the lane "nil" there.
        opts.compat_nil_utube = true
    end
    return opts
end

local function problem_of(record)
    local name, kind = record.tube_name, record.tube_type
    local ok, cause = pcall(tube_opts.check, name, kind, options_of(record))
    if not legacy_rows.has(kind) then
        return ('a tube of the driver %s cannot be adopted'):format(kind)
    elseif box.space[record.space_name] == nil then
        return ('its space %s is not there'):format(record.space_name)
    elseif registry.get(name) ~= nil then
        return 'there is a tube of that name already'
    elseif not ok then
        return tostring(cause)
    end
    return nil
end

local function report_of(record)
    local report = { tube = record.tube_name, type = record.tube_type, space = record.space_name }
    report.problem = problem_of(record)
    local space = box.space[record.space_name]
    if report.problem == nil then
        report.tasks = {}
        for name, state in pairs({ ready = 'r', taken = 't', delayed = '~', buried = '!' }) do
            report.tasks[name] = space.index.status:count({ state })
        end
    end
    return report
end

-- Copies rows in the order of their ids, some hundreds per commit.
local function copy(from, to, convert)
    local last, rows = nil, 0
    repeat
        local found = from.index[0]:select(last, { iterator = last and 'GT' or 'ALL', limit = const.ROWS_PER_COMMIT })
        box.atomic(function()
            for _, tuple in ipairs(found) do
                to:insert(convert(tuple))
            end
        end)
        last, rows = #found > 0 and found[#found][1] or last, rows + #found
        fiber.sleep(0)
    until #found < const.ROWS_PER_COMMIT
    return rows, last
end

local function make_copy(record, stored)
    local name = record.tube_name .. COPY
    if box.space[name] ~= nil then
        -- Of a copy that was cut off.
        box.space[name]:drop()
    end
    local space = box.atomic(schema.create_rows, name, stored)
    local rows, last = copy(box.space[record.space_name], space, function(tuple)
        return legacy_rows.read(record.tube_type, tuple)
    end)
    if last ~= nil then
        box.sequence[box.space._sequence:get(space.index[0].sequence_id).name]:set(last)
    end
    return space, rows
end

local function adopt_one(record)
    local name, kind = record.tube_name, record.tube_type
    local stored = tube_opts.check(name, kind, options_of(record))
    local rows
    registry.create(name, kind, stored, false, function()
        local space
        space, rows = make_copy(record, stored)
        return box.atomic(function()
            box.space[record.space_name]:rename(name .. KEPT)
            space:rename(name)
            box.space[LIST]:delete(name)
            box.space[const.META_SPACE]:replace({ meta_key(name), record:totable() })
            return schema.enlist(name, kind, stored)
        end)
    end)
    log.info('tarantella: adopted the tube %s of tarantool/queue with %d tasks', name, rows)
    return rows
end

local function records_of(name)
    if name == nil then
        return box.space[LIST]:select()
    end
    local record = type(name) == 'string' and box.space[LIST]:get(name) or nil
    if record == nil then
        refuse("Expected `tube` to be a tube of tarantool/queue, got '%s'", tostring(name))
    end
    return { record }
end

---@param name string|nil one tube, by default all
---@param opts table|nil {dry_run = true} to be told only
---@return table reports { tube, type, space, tasks = { ready, taken, delayed, buried }, problem, adopted }
local function adopt(name, opts)
    opts = args.options('opts', opts) or {}
    args.known_only(opts, DRY_RUN, 'adopt')
    check_alone()
    local records, reports = records_of(name), {}
    for _, record in ipairs(records) do
        local report = report_of(record)
        table.insert(reports, report)
        if not opts.dry_run and report.problem == nil then
            report.adopted = adopt_one(record)
        elseif not opts.dry_run and name ~= nil then
            refuse('The tube %s cannot be adopted: %s', name, report.problem)
        end
    end
    return setmetatable(reports, { __serialize = 'seq' })
end

local function adopted(name)
    local meta = type(name) == 'string' and box.space[const.META_SPACE]:get(meta_key(name)) or nil
    if meta == nil then
        refuse("Expected `tube` to have been adopted, and not finished, got '%s'", tostring(name))
    end
    local record = meta.value
    return { tube_name = record[1], tube_id = record[2], space_name = record[3], tube_type = record[4], all = record }
end

---Gives a tube back to tarantool/queue, with the tasks that it has now; taken ones are ready.
---@return integer how many tasks
local function undo(name)
    local record = adopted(name)
    local tube = registry.get(name)
    if tube == nil then
        errors.tube_not_found()
    end
    local kept, rows = box.space[name .. KEPT], 0
    registry.drop(tube, false, function(id)
        kept:truncate()
        local now = timer.wall_us()
        rows = copy(box.space[name], kept, function(tuple)
            if tuple.data == nil then
                refuse('The task %s has no payload, which tarantool/queue cannot store: delete it first', tuple.id)
            end
            return legacy_rows.write(record.tube_type, tuple, now)
        end)
        box.atomic(function()
            schema.remove(id, name)
            kept:rename(record.space_name)
            box.space[LIST]:insert(record.all)
            box.space[const.META_SPACE]:delete(meta_key(name))
        end)
    end)
    return rows
end

---Drops what an adopted tube has kept of tarantool/queue. There is no way back after it.
local function finish(name)
    adopted(name)
    box.atomic(function()
        box.space[name .. KEPT]:drop()
        box.space[const.META_SPACE]:delete(meta_key(name))
    end)
end

return {
    name = 'adopt',
    functions = { adopt = adopt, adopt_undo = undo, adopt_finish = finish },
    rights = { admin = { 'adopt', 'adopt_undo', 'adopt_finish' } },
}
