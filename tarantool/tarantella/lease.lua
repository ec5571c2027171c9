-- Tokens of deliveries, and who may act on a task.
--
-- A token counts up from the start of the epoch (microseconds since 1970), so it
-- is above every token that an earlier run of the queue gave, and below 2^53.

local schedule = require('tarantella.schedule.schedule')
local session = require('tarantella.session')

local lease = {}

local epoch_start = 0
local last = 0

function lease.begin_epoch(start)
    epoch_start = math.max(start, last + 1)
    last = epoch_start
end

---@return integer token of one delivery
function lease.next_token()
    last = last + 1
    return last
end

---Finds the record that the caller may ack, release, bury or touch: one that its
---session holds, under this token if one is given; or, with a token, one whose
---lease ended without a word and that nobody was given since.
---@param token integer|nil
---@return integer record, 0 if it is not the caller's
function lease.find(sched, id, token)
    local n = sched:find(id)
    if n == 0 or sched:is_busy(n) then
        return 0
    end
    local state = sched:state(n)
    if state == schedule.TAKEN then
        local owner, held = sched:lease_of(n)
        if owner == session.owner_number() and (token == nil or token == held) then
            return n
        end
        return 0
    end
    if token == nil or state ~= schedule.READY then
        return 0
    end
    if sched.last_token[id] == token then
        return n
    end
    if token < epoch_start and not sched:was_delivered(n) then
        return n
    end
    return 0
end

return lease
