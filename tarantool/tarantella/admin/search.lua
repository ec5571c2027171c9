-- Which tasks an operator means: ids in order, a page at a time, without holding the
-- server up however many there are.
--
-- Where many tasks match, the rows are walked in order of id. Where few do among many,
-- the schedule's records are, whose order is none: the page is then the first ids of all
-- that match. Either is a look at tasks that come and go meanwhile, not a snapshot.
--
-- A filter: { states = { [schedule.READY] = true, … }, lane = name|nil }

local const = require('tarantella.const')
local pick = require('tarantella.schedule.pick')
local row = require('tarantella.row')
local slices = require('tarantella.admin.slices')

local RECORDS_PER_LOOK = 10000

-- MAX_ROWS: rows that one page looks at; beyond that it is shorter than asked for.
local search = { MAX_ROWS = 20000 }

local function lane_number(sched, filter)
    if filter.lane == nil then
        return 0
    end
    local lane = sched.ready.by_name[filter.lane]
    return lane ~= nil and lane.number or nil
end

-- No fewer than match.
local function most(sched, filter)
    local count = 0
    for state in pairs(filter.states) do
        count = count + sched.count[state]
    end
    local lane = filter.lane ~= nil and sched.ready.by_name[filter.lane]
    return lane and math.min(count, lane.refs) or filter.lane ~= nil and 0 or count
end

---@return boolean whether the task is there and meant
function search.matches(sched, filter, id)
    local n = sched:find(id)
    return n ~= 0 and filter.states[sched:state(n)] == true
        and (filter.lane == nil or sched.ready:lane_of(n) == filter.lane)
end

-- Calls `visit(id)` for some rows beyond an id; gives how many there were.
local function some_rows(tube, o, last, visit)
    if not o.is_reverse then
        return tube.store:scan(last, const.SLICE_STEPS, function(tuple) visit(row.id(tuple)) end)
    end
    local rows = tube.store.pk:select(last < 0 and {} or last, {
        iterator = last < 0 and 'LE' or 'LT', limit = const.SLICE_STEPS,
    })
    for _, tuple in ipairs(rows) do
        visit(row.id(tuple))
    end
    return #rows
end

local function by_rows(tube, filter, o)
    local slice = slices.new()
    local ids, last, seen = {}, o.after, 0
    local function visit(id)
        last = id
        if #ids < o.limit and id <= o.upto and search.matches(tube.sched, filter, id) then
            table.insert(ids, id)
        end
    end
    repeat
        local count = some_rows(tube, o, last, visit)
        seen = seen + count
        if #ids == o.limit then
            return ids, ids[#ids]
        elseif count < const.SLICE_STEPS or last >= o.upto then
            return ids, nil
        end
    until seen >= search.MAX_ROWS or not slice:go_on(tube)
    return ids, last
end

local function descending(a, b)
    return a > b
end

-- Leaves the first ids only.
local function cut(ids, o)
    table.sort(ids, o.is_reverse and descending or nil)
    for i = #ids, o.limit + 1, -1 do
        ids[i] = nil
    end
end

local function by_records(tube, filter, o)
    local slice = slices.new()
    local ids, from = {}, 1
    local low, high = o.after, o.upto + 1
    if o.is_reverse then
        low, high = -1, o.after >= 0 and o.after or math.huge
    end
    -- As many as are sorted in a millisecond or so.
    local room = 2 * o.limit + 1000
    while from <= tube.sched.slab.used do
        local sched = tube.sched
        local to = math.min(sched.slab.used, from + RECORDS_PER_LOOK - 1)
        local lane = lane_number(sched, filter)
        if lane ~= nil and pick.ids(sched, from, to, filter.states, lane, low, high, ids) > room then
            cut(ids, o)
            if o.is_reverse then low = ids[#ids] else high = ids[#ids] end
        end
        from = to + 1
        slice:go_on(tube)
    end
    cut(ids, o)
    return ids, #ids == o.limit and ids[#ids] or nil
end

---@param filter table
---@param o table { after = id|-1, upto = highest id|math.huge, limit, is_reverse }
---@return table ids in order
---@return integer|nil id after which the next page begins; nil when there is none
function search.ids(tube, filter, o)
    local sched = tube.sched
    local matching = most(sched, filter)
    if matching == 0 then
        return {}, nil
    end
    -- The records can only be walked whole, which a transaction cannot wait for.
    if box.is_in_txn() or o.limit * sched:total() / matching <= search.MAX_ROWS then
        return by_rows(tube, filter, o)
    end
    return by_records(tube, filter, o)
end

return search
