-- What the queue is meant to do, as plainly as it can be said: tasks in a table, every
-- question answered by looking at all of them. For 030-model.t.

local model = {}
local Model = {}
Model.__index = Model

-- A task's `written` is the delay that its row has.
function model.new()
    -- wall and monotonic: microseconds, moved by the test.
    return setmetatable({ tasks = {}, last_id = -1, wall = 1e15, monotonic = 5e9 }, Model)
end

local function us(seconds)
    return seconds and math.floor(seconds * 1000000)
end

function Model:put(id, o)
    local delay = us(o.delay) or 0
    self.last_id = id
    self.tasks[id] = {
        id = id, state = delay > 0 and '~' or 'r', pri = o.pri or 0, lane = o.utube, ttr = us(o.ttr),
        due = delay > 0 and self.wall + delay or nil, dead = o.ttl and self.wall + delay + us(o.ttl),
    }
    self.tasks[id].written = self.tasks[id].due
end

function Model:taken_of(lane)
    local n = 0
    for _, task in pairs(self.tasks) do
        n = n + (task.state == 't' and task.lane == lane and 1 or 0)
    end
    return n
end

-- The task that a take gets, if any.
function Model:next()
    local best
    for _, task in pairs(self.tasks) do
        local is_alive = task.dead == nil or task.dead > self.wall
        if task.state == 'r' and is_alive and (task.lane == nil or self:taken_of(task.lane) == 0)
            and (best == nil or task.pri < best.pri or task.pri == best.pri and task.id < best.id) then
            best = task
        end
    end
    return best
end

function Model:take(owner, token)
    local task = self:next()
    task.state, task.owner, task.token, task.last_token = 't', owner, token, nil
    local span = math.min(task.ttr or math.huge, task.dead and task.dead - self.wall or math.huge)
    task.ends = span < math.huge and self.monotonic + span or nil
end

-- The task if this owner may act on it.
function Model:held(owner, id, token)
    local task = self.tasks[id]
    if task == nil then
        return nil
    elseif task.state == 't' then
        return task.owner == owner and (token == nil or token == task.token) and task or nil
    end
    local is_waiting = task.state == 'r' or task.state == '~'
    return is_waiting and token ~= nil and task.last_token == token and task or nil
end

local function settle(task, state, due)
    task.state, task.due, task.owner, task.token, task.ends = state, due, nil, nil, nil
end

function Model:release(task, delay)
    if delay ~= nil and delay > 0 then
        task.dead = task.dead and task.dead + us(delay)
        settle(task, '~', self.wall + us(delay))
        task.written = task.due
    else
        settle(task, 'r')
    end
end

function Model:bury(task) -- luacheck: no self
    settle(task, '!')
    task.written = nil
end

function Model:touch(task, owner, seconds, token)
    task.dead = task.dead and task.dead + us(seconds)
    if task.state == 't' then
        task.ends = task.ends and task.ends + us(seconds)
    else
        task.state, task.owner, task.token, task.last_token = 't', owner, token, nil
        task.ends = self.monotonic + us(seconds)
    end
end

function Model:kick(count)
    local kicked = 0
    while kicked < count do
        local best
        for _, task in pairs(self.tasks) do
            if task.state == '!' and (best == nil or task.pri < best.pri
                or task.pri == best.pri and task.id < best.id) then
                best = task
            end
        end
        if best == nil then
            break
        end
        settle(best, 'r')
        best.written = nil
        kicked = kicked + 1
    end
    return kicked
end

local function lapse(task)
    local token = task.token
    settle(task, 'r')
    task.last_token = token
end

function Model:close(owner)
    for _, task in pairs(self.tasks) do
        if task.owner == owner then
            lapse(task)
        end
    end
end

-- All that is due happens.
function Model:expire()
    for _, task in pairs(self.tasks) do
        if task.state == 't' and task.ends ~= nil and task.ends <= self.monotonic then
            lapse(task)
        elseif task.state == '~' and task.due <= self.wall then
            settle(task, 'r')
        end
    end
    for id, task in pairs(self.tasks) do
        if (task.state == 'r' or task.state == '!') and task.dead ~= nil and task.dead <= self.wall then
            self.tasks[id] = nil
        end
    end
end

-- id → 'state pri moment', as the schedule should have it; `rebuilt`: as one made from the rows.
function Model:picture(rebuilt)
    local all = {}
    for id, task in pairs(self.tasks) do
        local state = task.state
        if rebuilt and state ~= '!' then
            -- The row keeps the delay that has ended; a clock that was set back makes it one again.
            state = task.written ~= nil and task.written > self.wall and '~' or 'r'
        end
        local moment
        if state == '~' then
            moment = rebuilt and task.written or task.due
        elseif state == 't' then
            moment = task.ends or 0
        else
            moment = task.dead or 0
        end
        all[id] = ('%s %s %.0f'):format(state, state == 't' and task.token or task.pri, moment)
    end
    return all
end

return model
