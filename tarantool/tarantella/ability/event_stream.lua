-- The rows of the stream of events: written with the change they tell of, read in order,
-- trimmed tube by tube.
--
-- Numbers are given before their transactions end, and those may end in another order or
-- badly. A reader that had gone past a number that is still open would miss its event, and
-- one that read it too early would be told of what never was; so it sees numbers only up
-- to the first one that is open.

local fiber = require('fiber')
local const = require('tarantella.const')
local timer = require('tarantella.timer')
local txn = require('tarantella.txn')

-- Keys of META_SPACE: the highest number that was trimmed, of a tube and of all.
local TRIMMED = 'events_trimmed'
-- Events that a tube may have above what it keeps.
local SLACK = 500

local stream = {}

-- Number → whether its transaction is still open; nothing for one that was rolled back.
local fates = {}
local first_open, last = 1, 0
-- The last number before the first open one that stands. A cursor beyond it could hide what
-- comes after a restart, which may give the numbers of rolled back events again.
local horizon = 0
local arrived, changed, is_announcing = fiber.cond(), {}, false
local counts = {}   -- tube → how many it has
local keeps = {}    -- tube → how many it keeps
local to_trim = {}  -- tube → true
local gone = {}     -- names whose events are to be deleted, for their tubes are dropped

local function space()
    return box.space[const.EVENT_SPACE]
end

-- Tells who waits: one word for all changes of a turn of the event loop.
local function announce()
    local names = changed
    changed, is_announcing = {}, false
    arrived:broadcast()
    -- Since 2.10.
    if box.broadcast ~= nil then
        for name in pairs(names) do
            box.broadcast('tarantella.events.' .. name, horizon)
        end
    end
end

local function settle(seq, name, is_committed)
    if is_committed then
        fates[seq] = false
    else
        fates[seq] = nil
    end
    while first_open <= last and not fates[first_open] do
        if fates[first_open] == false then
            horizon, fates[first_open] = first_open, nil
        end
        first_open = first_open + 1
    end
    changed[name] = true
    if not is_announcing then
        is_announcing = true
        fiber.new(announce)
    end
end

local function look_later(name)
    to_trim[name] = true
    timer.kick()
end

---Writes an event, in the transaction of the change.
---@param extra table|nil map
function stream.write(name, id, event, state, extra)
    local seq = tonumber(space():insert({ box.NULL, timer.wall_us(), name, id, event, state, extra or box.NULL })[1])
    fates[seq], last = true, math.max(last, seq)
    box.on_commit(function()
        settle(seq, name, true)
        counts[name] = (counts[name] or 0) + 1
        if counts[name] > (keeps[name] or 0) + SLACK and not to_trim[name] then
            look_later(name)
        end
    end)
    txn.on_rollback(function() settle(seq, name, false) end)
end

---@return integer the number up to which events can be read
function stream.horizon()
    return horizon
end

---@param name string|nil of a tube; nil: of all
---@return integer the highest number that is not kept any more, 0 for none
function stream.trimmed(name)
    local row = box.space[const.META_SPACE]:get(name ~= nil and ('%s.%s'):format(TRIMMED, name) or TRIMMED)
    return row ~= nil and tonumber(row.value) or 0
end

---@param name string|nil of a tube; nil: of all
---@return box.tuple[] up to `limit` events after a number
function stream.read(name, after, limit)
    local index = name ~= nil and space().index.tube or space().index.seq
    local key = name ~= nil and { name, after } or { after }
    local list = {}
    for _, row in ipairs(index:select(key, { iterator = 'GT', limit = limit })) do
        if row.seq >= first_open or name ~= nil and row.tube ~= name then
            break
        end
        table.insert(list, row)
    end
    return list
end

---Waits for an event, whosever it is.
function stream.wait(seconds)
    arrived:wait(seconds)
    fiber.testcancel()
end

---@param count integer how many events the tube keeps
function stream.keep(name, count)
    keeps[name], gone[name] = count, nil
    look_later(name)
end

---A tube is dropped: its events go, some hundreds at a time.
function stream.forget(name)
    keeps[name], to_trim[name] = nil, nil
    gone[name] = true
    timer.kick()
end

local function delete(rows, name)
    local seq
    for _, row in ipairs(rows) do
        seq = tonumber(row.seq)
        space():delete(seq)
    end
    local meta = box.space[const.META_SPACE]
    meta:replace({ ('%s.%s'):format(TRIMMED, name), seq })
    meta:replace({ TRIMMED, math.max(seq, stream.trimmed()) })
end

-- Deletes up to one commit of the oldest events of a tube; whether there are more.
local function delete_some(name, count)
    local rows = space().index.tube:select({ name }, { limit = math.min(count, const.ROWS_PER_COMMIT) })
    if #rows > 0 then
        box.atomic(delete, rows, name)
        counts[name] = (counts[name] or 0) - #rows
    end
    return #rows == const.ROWS_PER_COMMIT
end

---Trims the tubes that have grown, one commit for each.
---@return number|nil 0 when there is more to do
function stream.trim()
    local more
    for name in pairs(table.copy(gone)) do
        if delete_some(name, const.ROWS_PER_COMMIT) then
            more = 0
        elseif gone[name] then
            box.space[const.META_SPACE]:delete(('%s.%s'):format(TRIMMED, name))
            gone[name] = nil
        end
    end
    for name in pairs(table.copy(to_trim)) do
        local excess = keeps[name] ~= nil and (counts[name] or 0) - keeps[name] or 0
        if excess > 0 and delete_some(name, excess) then
            more = 0
        else
            to_trim[name] = nil
        end
    end
    return more
end

---The instance is the master now: all events that stand are committed.
---@param is_known function(name) → boolean whether there is a tube that tells of itself
function stream.start(is_known)
    local newest = space().index.seq:max()
    last = math.max(newest ~= nil and tonumber(newest.seq) or 0, stream.trimmed())
    fates, first_open, horizon = {}, last + 1, last
    local row = space().index.tube:min()
    counts = {}
    while row ~= nil do
        counts[row.tube] = space().index.tube:count({ row.tube })
        if is_known(row.tube) then
            to_trim[row.tube] = true
        else
            gone[row.tube] = true
        end
        row = space().index.tube:select({ row.tube }, { iterator = 'GT', limit = 1 })[1]
    end
end

function stream.stop()
    arrived:broadcast()
end

return stream
