-- What monitoring wants to know, as Prometheus text and through Tarantool's `metrics`
-- module. Reads counters that are kept anyway: the cost is that of a line per tube and
-- counter, however many tasks there are.

local abilities = require('tarantella.abilities')
local errors = require('tarantella.errors')
local log = require('log')
local registry = require('tarantella.registry')
local role = require('tarantella.role')
local session = require('tarantella.session')
local version = require('tarantella.version')

-- Lanes are not a label: there may be a million of them.
local PER_TUBE = {
    { 'tarantella_tasks', 'gauge', 'Tasks of a tube by state.', function(add, tube)
        for state, n in pairs(tube:statistics().tasks) do
            if state ~= 'done' and state ~= 'total' and type(n) == 'number' then
                add(n, 'state', state)
            end
        end
    end },
    { 'tarantella_calls_total', 'counter', 'Tasks that calls and timers of the queue have changed.', function(add, tube)
        for call, n in pairs(tube.calls) do
            add(n, 'call', call)
        end
    end },
    { 'tarantella_done_total', 'counter', 'Tasks that were acked or deleted, or whose ttl passed.',
        function(add, tube) add(tube.done) end },
    { 'tarantella_waiting_takes', 'gauge', 'Takes that wait for a task.',
        function(add, tube) add(tube:waiting()) end },
    { 'tarantella_available_tasks', 'gauge', 'Tasks that takes could have at once: ready, and not behind a busy lane.',
        function(add, tube) add(tube.sched:available()) end },
    { 'tarantella_data_bytes', 'gauge', 'Bytes of the rows of a tube, without indexes and schedule.',
        function(add, tube) add(tonumber(tube.space:bsize())) end },
}

local function of_tubes(families)
    local names = {}
    for name in pairs(registry.all()) do
        table.insert(names, name)
    end
    table.sort(names)
    for _, of in ipairs(PER_TUBE) do
        local family = { name = of[1], kind = of[2], help = of[3], samples = {} }
        for _, name in ipairs(names) do
            local tube = registry.get(name)
            of[4](function(value, label, given)
                local labels = { tube = name, [label or 'tube'] = given or name }
                table.insert(family.samples, { value = value, labels = labels })
            end, tube)
        end
        table.insert(families, family)
    end
end

local function single(families, name, kind, help, value, labels)
    local sample = { value = value, labels = labels or {} }
    table.insert(families, { name = name, kind = kind, help = help, samples = { sample } })
end

---@return table families { name, kind = 'gauge'|'counter', help, samples = { { value, labels } } }
local function collect()
    local families = {}
    single(families, 'tarantella_info', 'gauge', 'Versions, as labels.', 1,
        { version = version, server = box.info.version })
    single(families, 'tarantella_running', 'gauge', '1 while the queue serves calls, 0 on a replica.',
        role.state() == 'RUNNING' and 1 or 0)
    single(families, 'tarantella_sessions', 'gauge', 'Sessions that take or have taken.',
        session.count())
    of_tubes(families)
    abilities.each('metrics', function(name, cause)
        log.error('tarantella: metrics of %s: %s', name, tostring(cause))
    end, families)
    return families
end

local ESCAPES = { ['\\'] = '\\\\', ['\n'] = '\\n', ['"'] = '\\"' }

local function label_text(labels)
    local parts = {}
    for name, value in pairs(labels) do
        local escaped = tostring(value):gsub('[\\\n"]', ESCAPES)
        table.insert(parts, ('%s="%s"'):format(name, escaped))
    end
    table.sort(parts)
    return #parts > 0 and '{' .. table.concat(parts, ',') .. '}' or ''
end

local function value_text(value)
    return value == math.floor(value) and ('%.0f'):format(value) or ('%.17g'):format(value)
end

---@return string Prometheus' text format, version 0.0.4
local function text()
    local lines = {}
    for _, family in ipairs(collect()) do
        table.insert(lines, ('# HELP %s %s'):format(family.name, family.help))
        table.insert(lines, ('# TYPE %s %s'):format(family.name, family.kind))
        local own = {}
        for _, sample in ipairs(family.samples) do
            table.insert(own, ('%s%s %s'):format(family.name, label_text(sample.labels), value_text(sample.value)))
        end
        table.sort(own)
        for _, line in ipairs(own) do
            table.insert(lines, line)
        end
    end
    return table.concat(lines, '\n') .. '\n'
end

-- Of the `metrics` module: name → its collector; name → label text → labels that it has.
local collectors, reported = {}, {}

local function report(module, family)
    local collector = collectors[family.name] or module[family.kind](family.name, family.help)
    collectors[family.name] = collector
    local before, now = reported[family.name] or {}, {}
    for _, sample in ipairs(family.samples) do
        local key = label_text(sample.labels)
        now[key], before[key] = sample.labels, nil
        if family.kind == 'counter' then
            collector:reset(sample.labels)
            collector:inc(sample.value, sample.labels)
        else
            collector:set(sample.value, sample.labels)
        end
    end
    -- Of tubes that are gone.
    for _, labels in pairs(before) do
        collector:remove(labels)
    end
    reported[family.name] = now
end

local exported = nil

local function callback()
    if type(box.cfg) == 'function' then
        return
    end
    for _, family in ipairs(collect()) do
        report(exported, family)
    end
end

---Begins or ends to report through Tarantool's `metrics` module (the rock, or part of
---Tarantool since 2.11.1), with all else that it reports.
---@param on boolean
local function export(on)
    if type(on) ~= 'boolean' then
        errors.invalid('on', 'a boolean', on)
    end
    if on == (exported ~= nil) then
        return
    end
    if not on then
        exported.unregister_callback(callback)
        for _, collector in pairs(collectors) do
            exported.registry:unregister(collector)
        end
        exported, collectors, reported = nil, {}, {}
        return
    end
    local found, module = pcall(require, 'metrics')
    if not found then
        errors.raise('INVALID_ARGUMENT',
            'Expected the module `metrics`: the rock of that name, or Tarantool 2.11.1 and newer')
    end
    exported = module
    module.register_callback(callback)
end

return {
    name = 'metrics',
    anytime = { metrics = text, export_metrics = export },
    rights = { admin = { 'metrics' } },
}
