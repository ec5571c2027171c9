-- Cases of the abilities that say how fast and in which order tasks are given away.

local ABLE = {
    capacity = { capacity = 1000000, on_full = 'drop_oldest' },
    -- A limit that is counted and never reached.
    rate = { rate = { rate = 1000000, burst = 1000000 } },
    aging = { aging = 60 },
}
local TASKS, LANES, FREE = 100000, 10000, 3000

-- Cycles over three tubes, whose tasks are taken by one call.
local function cycle_any(cases, open, operations)
    local subjects, weights = {}, {}
    for i = 1, 3 do
        subjects[i] = open('any_' .. i, 'fifottl')
        weights['any_' .. i] = i
    end
    local turn = 0
    return cases.cycle({
        put = function(data)
            turn = turn % 3 + 1
            return subjects[turn].put(data)
        end,
        take = function() return queue.take_any(weights, 0)[1] end,
        ack = function(task) return queue.ack(task[1], task[2]) end,
    }, operations)
end

-- Takes behind tasks of lanes that have given what their rate lets through.
local function take_limited(cases, open, operations)
    local tube = open('take_limited', 'utubettl', { lane_rate = { rate = 0.01 }, lane_limit = 1000 })
    tube.truncate()
    cases.fill(tube, TASKS, function(i) return { utube = i % LANES, pri = 0 } end)
    for _ = 1, LANES do
        tube.take()
    end
    cases.fill(tube, FREE, function() return { pri = 1 } end)
    local done, seconds, cpu = cases.takes(tube, operations)
    tube.truncate()
    return done, seconds, cpu
end

---@param run table name of a case → function(operations)
---@param open function(name, type, options of create_tube) giving a subject
return function(cases, run, open)
    for name, opts in pairs(ABLE) do
        run['cycle_' .. name] = function(n)
            return cases.cycle(open('flow_' .. name, 'fifottl', table.copy(opts)), n)
        end
    end
    function run.cycle_any(n) return cycle_any(cases, open, n) end
    function run.take_limited(n) return take_limited(cases, open, n) end
end
