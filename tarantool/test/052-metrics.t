#!/usr/bin/env tarantool
-- Metrics: the text is what Prometheus reads, the numbers are those of the queue.

local fixture = dofile((arg[0]:match('^(.*/)') or './') .. 'fixture.lua')
local queue = fixture.queue()

-- A strict reader of the text format: name → { help, kind, samples = { 'labels' → value } }.
local function parse(text)
    local families, current = {}, nil
    assert(text:sub(-1) == '\n', 'the last line ends')
    for line in text:gmatch('([^\n]*)\n') do
        local help_name, help = line:match('^# HELP ([%a_][%w_]*) (.+)$')
        local type_name, kind = line:match('^# TYPE ([%a_][%w_]*) (%a+)$')
        if help_name then
            assert(families[help_name] == nil, 'one family of a name: ' .. line)
            current = { name = help_name, help = help, samples = {} }
            families[help_name] = current
        elseif type_name then
            assert(type_name == current.name and (kind == 'gauge' or kind == 'counter'), line)
            current.kind = kind
        else
            local name, labels, value = line:match('^([%a_][%w_]*)(%b{}) (%-?[%d.e+]+)$')
            if name == nil then
                name, value = line:match('^([%a_][%w_]*) (%-?[%d.e+]+)$')
                labels = ''
            end
            assert(name == current.name and current.kind ~= nil, 'a sample of its family: ' .. line)
            assert(current.samples[labels] == nil, 'one sample of a kind: ' .. line)
            current.samples[labels] = tonumber(value)
        end
    end
    return families
end

local function value(name, labels)
    return parse(queue.metrics())[name].samples[labels or '']
end

local tube = queue.create_tube('mails', 'utubettl')
queue.create_tube('empty', 'fifo')

fixture.run('metrics', {
    { 'numbers are those of the statistics', function(test)
        for i = 1, 5 do
            tube:put(i, { utube = i % 2 == 0 and 'a' or nil, delay = i == 5 and 100 or 0 })
        end
        local id = tube:take(0)[1]
        tube:ack(id)
        tube:take(0)
        test:is(value('tarantella_tasks', '{state="ready",tube="mails"}'), 2, 'ready')
        test:is(value('tarantella_tasks', '{state="delayed",tube="mails"}'), 1, 'delayed')
        test:is(value('tarantella_tasks', '{state="taken",tube="mails"}'), 1, 'taken')
        test:is(value('tarantella_tasks', '{state="ready",tube="empty"}'), 0, 'of a tube that is empty')
        test:is(value('tarantella_calls_total', '{call="put",tube="mails"}'), 5, 'calls')
        test:is(value('tarantella_done_total', '{tube="mails"}'), 1, 'done')
        test:is(value('tarantella_available_tasks', '{tube="mails"}'), 1, 'behind a busy lane is not available')
        test:ok(value('tarantella_data_bytes', '{tube="mails"}') > 0, 'bytes')
        test:is(value('tarantella_running'), 1, 'running')
        test:ok(value('tarantella_sessions') >= 1, 'sessions')
        local versions = ('{server="%s",version="%s"}'):format(box.info.version, queue._VERSION)
        test:is(value('tarantella_info', versions), 1, 'versions')
    end },

    { 'a replica reports too', function(test)
        box.cfg({ read_only = true })
        fixture.eventually('the queue waits', function() return queue.state() == 'WAITING' end)
        test:is(value('tarantella_running'), 0, 'not running')
        test:is(next(parse(queue.metrics()).tarantella_tasks.samples), nil, 'and has no tubes')
        box.cfg({ read_only = false })
        fixture.eventually('the queue runs', function() return queue.state() == 'RUNNING' end)
    end },

    { 'the metrics module reports them, until it is told not to', function(test)
        local found, metrics = pcall(require, 'metrics')
        test:is(fixture.code_of(queue.export_metrics, 'yes'), 'INVALID_ARGUMENT', 'a wrong argument')
        if not found then
            local code, message = fixture.code_of(queue.export_metrics, true)
            test:is(code, 'INVALID_ARGUMENT', 'without the module: an error')
            test:ok(message:find('2.11.1', 1, true), 'that says what is missing')
            return
        end
        local function reported()
            local all = {}
            metrics.invoke_callbacks()
            for _, sample in pairs(metrics.collect()) do
                local of = sample.label_pairs
                all[('%s %s %s'):format(sample.metric_name, of.tube or '', of.state or of.call or '')] = sample.value
            end
            return all
        end
        queue.export_metrics(true)
        queue.export_metrics(true)
        tube:put('more')
        local first = reported()
        test:is(first['tarantella_calls_total mails put'], 6, 'a counter')
        test:is(reported()['tarantella_calls_total mails put'], 6, 'is not added up')
        test:is(first['tarantella_tasks empty ready'], 0, 'a gauge')
        queue.tube.empty:drop()
        test:is(reported()['tarantella_tasks empty ready'], nil, 'a tube that is gone is gone here')
        queue.export_metrics(false)
        test:is(reported()['tarantella_calls_total mails put'], nil, 'nothing any more')
    end },

    { 'an admin may ask from outside', function(test)
        queue.grant_roles()
        test:ok(box.schema.func.exists('queue.metrics'), 'granted')
    end },
})
