-- The rows of KEY_SPACE: which task of a tube has a key, until when the key is not free
-- although that task has ended, and the run that is to follow it. Written in the
-- transactions of the tasks, so a row and its task come and go together; a row without its
-- task is what a truncation left, and counts for nothing.

local const = require('tarantella.const')
local timer = require('tarantella.timer')

local keys = {}

local function space()
    return box.space[const.KEY_SPACE]
end

---@return box.tuple|nil the row that counts
function keys.get(tube, key)
    local known = space():get({ tube.id, key })
    if known == nil then
        return nil
    elseif known.is_ended then
        return known.ends ~= nil and known.ends > timer.wall_us() and known or nil
    end
    return tube.store.pk:get(known.task_id) ~= nil and known or nil
end

---@param window_s number|nil
function keys.hold(tube, key, id, window_s)
    local is_lasting = window_s ~= nil and window_s > 0
    local ends = is_lasting and timer.wall_us() + math.floor(window_s * const.MICRO) or box.NULL
    space():replace({ tube.id, key, id, false, ends, box.NULL })
end

---@param window_s number
function keys.prolong(tube, key, window_s)
    space():update({ tube.id, key }, { { '=', 'ends', timer.wall_us() + math.floor(window_s * const.MICRO) } })
end

---@param run table|nil that is to follow the task
function keys.follow(tube, key, run)
    space():update({ tube.id, key }, { { '=', 'run', run or box.NULL } })
end

---The key is free as soon as its task has ended, and nothing follows it.
function keys.loosen(tube, key)
    space():update({ tube.id, key }, { { '=', 'run', box.NULL }, { '=', 'ends', box.NULL } })
end

---The task has ended.
---@return table|nil the run that follows it
function keys.release(tube, key, id)
    local known = space():get({ tube.id, key })
    if known == nil or known.is_ended or known.task_id ~= id then
        return nil
    end
    if known.run == nil and known.ends ~= nil and known.ends > timer.wall_us() then
        space():update({ tube.id, key }, { { '=', 'is_ended', true } })
    else
        space():delete({ tube.id, key })
    end
    return known.run
end

local function delete_all(rows)
    box.atomic(function()
        for _, row in ipairs(rows) do
            space():delete({ row.tube_id, row.key })
        end
    end)
end

-- The next rows of a tube behind a key.
local function some_of(tube_id, after)
    local rows = space():select({ tube_id, after }, {
        iterator = after ~= nil and 'GT' or 'GE', limit = const.ROWS_PER_COMMIT,
    })
    while #rows > 0 and rows[#rows].tube_id ~= tube_id do
        table.remove(rows)
    end
    return rows
end

---Deletes keys of a tube that is gone, or that has lost its tasks: one commit of them.
---@param after string|nil what the call before gave
---@param store table|nil of the tube; nil: it is gone
---@return string|nil where to go on, nil when all are seen
function keys.sweep(tube_id, after, store)
    local rows = some_of(tube_id, after)
    if #rows == 0 then
        return nil
    end
    local stale = {}
    for _, row in ipairs(rows) do
        if store == nil or row.is_ended or store.pk:get(row.task_id) == nil then
            table.insert(stale, row)
        end
    end
    if #stale > 0 then
        delete_all(stale)
    end
    return rows[#rows].key
end

---@return table ids of tubes that have keys
function keys.tubes()
    local ids, last = {}, nil
    while true do
        local row = space():select(last ~= nil and { last } or {}, {
            iterator = last ~= nil and 'GT' or 'ALL', limit = 1,
        })[1]
        if row == nil then
            return ids
        end
        last = row.tube_id
        table.insert(ids, last)
    end
end

---Sees to keys whose time is over, up to one commit of them.
---@return number|nil seconds until the next one's, nil for none
function keys.expire()
    local now = timer.wall_us()
    local rows = space().index.ends:select({ box.NULL }, { iterator = 'GT', limit = const.ROWS_PER_COMMIT })
    local count = 0
    box.atomic(function()
        for _, row in ipairs(rows) do
            if row.ends > now then
                break
            end
            count = count + 1
            if row.is_ended then
                space():delete({ row.tube_id, row.key })
            else
                -- The task goes on, and frees the key when it ends.
                space():update({ row.tube_id, row.key }, { { '=', 'ends', box.NULL } })
            end
        end
    end)
    if count == const.ROWS_PER_COMMIT then
        return 0
    end
    local nearest = rows[count + 1]
    return nearest ~= nil and tonumber(nearest.ends - now) / const.MICRO or nil
end

return keys
