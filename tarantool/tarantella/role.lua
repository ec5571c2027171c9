-- The queue's state, which follows the instance's role.
--
--   INIT → STARTUP → RUNNING ⇄ ENDING → WAITING → STARTUP
--
-- INIT until the instance may write for the first time. The schedule stands only
-- while RUNNING: rows replicate, it does not.

local fiber = require('fiber')
local log = require('log')
local const = require('tarantella.const')
local session = require('tarantella.session')

local role = {}

local state = 'INIT'
local state_changed = fiber.cond()
local is_starting = false
local is_listening = false
local has_run = false
local supervisor, successor = nil, nil
local on_startup, on_shutdown = function() end, function() end

---@return string INIT, STARTUP, RUNNING, ENDING or WAITING
function role.state()
    return state
end

local function set_state(to)
    state = to
    state_changed:broadcast()
end

-- Before the first box.cfg{}, `box.cfg` is a function.
local function is_writable()
    return type(box.cfg) == 'table' and not box.info.ro
end

---@param seconds number|nil longest wait
---@return boolean whether the queue is running
function role.await_running(seconds)
    local deadline = fiber.clock() + (seconds or const.MAX_DURATION_S)
    while state ~= 'RUNNING' and successor == nil do
        local rest = deadline - fiber.clock()
        if rest <= 0 then
            return false
        end
        state_changed:wait(rest)
        fiber.testcancel()
    end
    return state == 'RUNNING'
end

local function shutdown()
    set_state('ENDING')
    on_shutdown()
    set_state('WAITING')
end

local function startup()
    is_starting = true
    set_state('STARTUP')
    if not is_listening then
        -- Not earlier: of two triggers the later one runs first, and a user's may count on
        -- the tasks of a lost connection being ready.
        is_listening = true
        box.session.on_disconnect(session.disconnected)
    end
    local ok, cause = pcall(on_startup)
    is_starting = false
    if not ok then
        pcall(shutdown)
        error(cause, 0)
    end
    has_run = true
    set_state('RUNNING')
end

-- Follows the instance's role for as long as the process lives.
local function supervise()
    fiber.name('tarantella_role', { truncate = true })
    while true do
        if state == 'RUNNING' then
            box.ctl.wait_ro()
            fiber.testcancel()
            shutdown()
        elseif is_starting then
            state_changed:wait()
        else
            box.ctl.wait_rw()
            fiber.testcancel()
            if state ~= 'RUNNING' and not is_starting then
                local ok, cause = pcall(startup)
                if not ok then
                    fiber.testcancel()
                    log.error('tarantella: start failed, next try in a second: %s', tostring(cause))
                    fiber.sleep(1)
                end
            end
        end
        fiber.testcancel()
    end
end

-- Callers wait for a start that is under way no longer than this.
local START_TIMEOUT_S = 60

---Starts a queue that may run and does not yet, so that it is there as soon as
---box.cfg{} has returned. Raises what keeps it from starting.
---@return boolean whether the queue is running
function role.ensure()
    if state == 'RUNNING' then
        return true
    end
    if is_starting or state == 'ENDING' then
        return role.await_running(START_TIMEOUT_S)
    end
    if supervisor == nil or successor ~= nil or not is_writable() then
        return false
    end
    startup()
    return true
end

-- At the first box.cfg{}, before it reads any data.
local function begin()
    supervisor = fiber.new(supervise)
end

---Starts following the instance's role. Does nothing the second time.
---@param started function called when the instance may write; may yield and raise
---@param ended function called when it may not any more; must not raise
function role.follow(started, ended)
    if supervisor ~= nil then
        return
    end
    on_startup, on_shutdown = started, ended
    if type(box.cfg) == 'function' then
        -- A fiber that waits from now on would keep a process alive that never calls it.
        box.ctl.on_schema_init(begin)
        return
    end
    begin()
    if is_writable() then
        startup()
    end
end

---Lets new calls wait, for the schedule is about to be handed over.
function role.hold()
    if state == 'RUNNING' then
        set_state('ENDING')
    end
end

---Stops following it, for a newer copy of the module that does.
---@param to table what the newer copy's users hold
function role.unfollow(to)
    successor = to
    if is_listening then
        is_listening = false
        box.session.on_disconnect(nil, session.disconnected)
    end
    if type(box.cfg) == 'function' then
        box.ctl.on_schema_init(nil, begin)
    elseif supervisor ~= nil and supervisor:status() ~= 'dead' then
        supervisor:cancel()
    end
    if state == 'ENDING' then
        on_shutdown()
    end
    set_state('WAITING')
end

---@return boolean whether a newer copy of the module has the queue
function role.is_replaced()
    return successor ~= nil
end

---@return table|nil what the newer copy's users hold
function role.successor()
    return successor
end

---@return boolean whether the queue has been running in this process
function role.has_run()
    return has_run
end

---Ends the run of the schedule and begins the next one.
function role.restart()
    if state == 'RUNNING' then
        shutdown()
    end
    return role.ensure()
end

return role
