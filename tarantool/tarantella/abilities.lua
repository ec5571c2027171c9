-- What the queue can do beyond the contract, each in a file of its own under `ability/`.
-- The engine knows none of them: it asks this list, and costs nothing where a tube asked
-- for none.
--
-- An ability is a table; all but `name` may be left out:
--
--   name           string
--   tube_options   name → function(value, kind, o) → what to store; raises what is wrong.
--                  Called for options that are given
--   put_options    name → function(tube, value, strict) → checked value; raises what is wrong.
--                  `strict`: options that the tube does not have are refused, not left out
--   attach         function(tube) → hooks, or nil where the tube has not asked for it
--   methods        name → function(tube, true, given, …): `queue.NAME(tube, …)` and a method of
--                  tube objects; `given` is the number of arguments
--   functions      name → function(…): `queue.NAME(…)`, while the queue is running
--   anytime        the same, on an instance that is read-only too
--   rights         { producer = names, consumer = names, admin = names } for remote users
--   start, stop    function(): the instance becomes the master, and is it no more. `start`
--                  comes after all schedules stand and may yield; `stop` must not raise
--   dropped        T function(id): the tube of that id goes, in this transaction
--   run            function() → seconds until the next moment, or nil: what is due now, a
--                  bounded part of it; called by the timer's fiber, and by `timer.kick()`
--   health         function(warnings) adding sentences to a list
--   statistics     function(tube, to) adding fields to a tube's statistics
--   metrics        function(families) adding { name, kind, help, samples = { { value, labels } } }
--
-- Hooks of a tube, all optional. Those marked T run in the transaction that changes the
-- task, may write to memtx spaces, must not yield, and end the call when they raise:
--
--   busy(tube, options) → boolean   the put has to wait for a commit that is under way; asked
--                  outside of transactions, may be asked again. Must neither yield nor raise
-- T before_put(tube, options, data) → box.tuple|nil   options are this call's own and may be
--                  changed, `options.meta` (a map) too; a task in answer means: put nothing;
--                  its fourth field, a text, says what was done instead
-- T after_put(tube, id, options, state)
-- T change(tube, step, id, before, arg)   `before` is the row as it was; step.letter is the
--                  state afterwards, DONE for a row that is gone; a step of `is_failure` is a failed attempt
--   lapse(tube, sched, n) → boolean   a lease is about to end by itself; true: seen to.
--                  Must neither yield nor raise
--   loaded(tube)   the schedule has been built anew
--   closed(tube)   the tube is dropped, or the instance is the master no more
--
-- What is to happen once a change is committed goes into box.on_commit, without a yield.

local abilities = {}

local list = {}
local put_options, tube_options = {}, {}

local HOOKS = { 'busy', 'before_put', 'after_put', 'change', 'lapse', 'loaded', 'closed' }

---@param ability table as described above
function abilities.add(ability)
    table.insert(list, ability)
    for name, check in pairs(ability.put_options or {}) do
        put_options[name] = check
    end
    for name, check in pairs(ability.tube_options or {}) do
        tube_options[name] = check
    end
end

---@return table in the order in which they were added
function abilities.all()
    return list
end

---@return table name → function(tube, value)
function abilities.put_options()
    return put_options
end

---@return table name → function(value, kind, o)
function abilities.tube_options()
    return tube_options
end

---@return table|nil name of a hook → functions, in the order of the abilities; nil: no hooks
function abilities.attach(tube)
    local hooks, is_used = {}, false
    for _, name in ipairs(HOOKS) do
        hooks[name] = {}
    end
    for _, ability in ipairs(list) do
        local own = ability.attach ~= nil and ability.attach(tube) or {}
        for name, fn in pairs(own) do
            table.insert(hooks[name], fn)
            is_used = true
        end
    end
    return is_used and hooks or nil
end

---Calls a function of every ability that has it. One that raises does not stop the others.
---@param failed function(ability name, error) told of what was raised
function abilities.each(name, failed, ...)
    for _, ability in ipairs(list) do
        if ability[name] ~= nil then
            local ok, cause = pcall(ability[name], ...)
            if not ok then
                failed(ability.name, cause)
            end
        end
    end
end

return abilities
