-- Leases that nobody ends by word: their time is over, or their session is.

local fiber = require('fiber')
local const = require('tarantella.const')
local row = require('tarantella.row')

local lapse = {}

---Makes the task of a lease ready; its token still opens a late ack.
function lapse.one(tube, sched, n)
    if sched ~= tube.sched then
        -- The tube was truncated or reloaded while a commit was under way.
        return
    end
    local hooks = tube.hooks
    if hooks ~= nil then
        for _, seen_to in ipairs(hooks.lapse) do
            if seen_to(tube, sched, n) then
                return
            end
        end
    end
    -- For vinyl, where reading the row would yield.
    local kept = sched.kept ~= nil and sched.kept[sched:id(n)]
    if kept then
        sched:lapse(n, kept[1], kept[2])
        return
    end
    local tuple = tube.store:get(sched:id(n))
    if tuple == nil then
        sched:unlink(n)
        sched:forget(n)
    else
        sched:lapse(n, row.pri(tuple), row.dead(tuple) or 0)
    end
end

---Ends all leases of an owner that is no more.
---@param owner integer its number
function lapse.all(tube, owner)
    local sched = tube.sched
    local steps = 0
    local told = {}
    local n = sched.owners:first_of(owner)
    while n ~= 0 do
        local after = sched.owners:next_of(n)
        -- A busy one is lapsed by its commit, if that fails.
        if not sched:is_busy(n) then
            if tube.on_change ~= nil then
                table.insert(told, sched:id(n))
            end
            lapse.one(tube, sched, n)
            tube.calls.release = tube.calls.release + 1
        end
        steps = steps + 1
        if steps % const.SLICE_STEPS == 0 then
            tube:serve()
            fiber.sleep(0)
            -- The list may be another one now; busy ones at its head are few.
            after = sched.owners:first_of(owner)
        end
        n = after
    end
    if steps > 0 then
        for _, id in ipairs(told) do
            tube:note(id, const.READY, 'release')
        end
        tube:serve()
    end
end

return lapse
