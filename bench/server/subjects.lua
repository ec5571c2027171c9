-- Who is measured, behind one interface:
--
--   put(data, opts)   take() → task or nil   ack(task)
--   items(list of data) → items   put_many(items)   take_many(count) → tasks   ack_many(tasks)
--
-- Where a subject has no batches, `put_many` and the others are nil.

local fio = require('fio')

local subjects = {}

local function search(folder)
    package.path = ('%s/?.lua;%s/?/init.lua;%s'):format(folder, folder, package.path)
end

---@param kind string type of the tube
---@param opts table|nil of create_tube
function subjects.tarantella(name, kind, opts)
    search(fio.pathjoin(os.getenv('BENCH_ROOT'), 'tarantool'))
    local queue = require('tarantella')
    rawset(_G, 'queue', queue)
    opts = opts or {}
    opts.if_not_exists = true
    local tube = queue.create_tube(name, kind, opts)
    return {
        put = function(data, o) return tube:put(data, o) end,
        take = function() return tube:take(0) end,
        ack = function(task) return tube:ack(task[1]) end,
        truncate = function() tube:release_all() tube:truncate() end,
        items = function(list)
            local items = {}
            for i, data in ipairs(list) do
                items[i] = { data }
            end
            return items
        end,
        put_many = function(items) return queue.put_many(name, items) end,
        take_many = function(count) return queue.take_many(name, count, 0) end,
        ack_many = function(tasks)
            local items = {}
            for i, task in tasks:pairs() do
                items[i] = { task[1], task[4] }
            end
            return queue.ack_many(name, items)
        end,
        statistics = function() return queue.statistics(name) end,
    }
end

subjects['tarantool-queue'] = function(name, kind, opts)
    search(os.getenv('TARANTOOL_QUEUE_PATH'))
    local queue = require('queue')
    rawset(_G, 'queue', queue)
    opts = opts or {}
    opts.if_not_exists = true
    local tube = queue.create_tube(name, kind, opts)
    return {
        put = function(data, o) return tube:put(data, o) end,
        take = function() return tube:take(0) end,
        ack = function(task) return tube:ack(task[1]) end,
        truncate = function() tube:truncate() end,
        statistics = function() return queue.statistics(name) end,
    }
end

-- What the rows alone cost: insert, get, delete. Ids are handed out in order.
function subjects.limit(name)
    local space = box.space[name]
    if space == nil then
        space = box.schema.space.create(name)
        space:create_index('id', { sequence = true })
    end
    local waiting, first, last = {}, 1, 0
    local function put(data)
        local row = space:insert({ nil, 'r', data })
        last = last + 1
        waiting[last] = row[1]
        return row
    end
    local function take()
        local id = waiting[first]
        if id == nil then
            return nil
        end
        waiting[first] = nil
        first = first + 1
        return space:get(id)
    end
    return {
        put = put,
        take = take,
        ack = function(task) return space:delete(task[1]) end,
        truncate = function()
            space:truncate()
            waiting, first, last = {}, 1, 0
        end,
        items = function(list) return list end,
        put_many = function(items)
            box.begin()
            for _, data in ipairs(items) do
                put(data)
            end
            box.commit()
        end,
        take_many = function(count)
            local tasks = {}
            for i = 1, count do
                tasks[i] = take()
            end
            return tasks
        end,
        ack_many = function(tasks)
            box.begin()
            for _, task in ipairs(tasks) do
                space:delete(task[1])
            end
            box.commit()
        end,
    }
end

return subjects
