-- Tokens of deliveries, and who may act on a task.
--
-- Tokens count up. An epoch is a run of the schedule; its first token is above every
-- token of an earlier epoch, here or on another member of the replica set.

local fiber = require('fiber')
local log = require('log')
local const = require('tarantella.const')
local owners = require('tarantella.schedule.owners')
local schedule = require('tarantella.schedule.schedule')
local schema = require('tarantella.schema')
local session = require('tarantella.session')

local lease = {}

local epoch_start = 0
local next_token, reserved = 1, 0
local is_imported = false

---Called when the schedule is about to be built, on a writable instance.
function lease.begin_epoch()
    if is_imported then
        is_imported = false
        return
    end
    epoch_start = schema.reserve_tokens(const.TOKEN_BLOCK)
    next_token, reserved = epoch_start, epoch_start + const.TOKEN_BLOCK
end

---@return table for `import` of a newer copy of the module
function lease.export()
    return { epoch_start = epoch_start, next_token = next_token, reserved = reserved }
end

---Goes on with the epoch of an older copy of the module.
function lease.import(older)
    epoch_start, next_token, reserved = older.epoch_start, older.next_token, older.reserved
    is_imported = epoch_start > 0
end

-- In a fiber of its own, because a take must not yield. Half a block is left until
-- then, more than an instance delivers in an hour.
local function reserve_more()
    local ok, result = pcall(schema.reserve_tokens, const.TOKEN_BLOCK)
    if ok then
        -- Goes on behind the old block, if nobody else has reserved meanwhile.
        if result ~= reserved then
            next_token = result
        end
        reserved = result + const.TOKEN_BLOCK
    else
        log.error('tarantella: cannot reserve tokens: %s', tostring(result))
    end
end

---@return integer token of one delivery
function lease.next_token()
    local token = next_token
    next_token = token + 1
    if reserved - token == const.TOKEN_BLOCK / 2 then
        fiber.create(reserve_more)
    end
    return token
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
        return owner == owners.NOBODY and token == held and n or 0
    end
    if token == nil or state ~= schedule.READY and state ~= schedule.DELAYED then
        return 0
    end
    if sched.last_token[id] == token then
        return n
    end
    if state == schedule.READY and token < epoch_start and not sched:was_delivered(n) then
        return n
    end
    return 0
end

return lease
