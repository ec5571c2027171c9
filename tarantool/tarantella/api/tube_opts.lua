-- Options of create_tube.

local abilities = require('tarantella.abilities')
local errors = require('tarantella.errors')
local args = require('tarantella.api.args')

local NAMES = {
    temporary = true, if_not_exists = true, engine = true, on_task_change = true, storage_mode = true,
    ttl = true, ttr = true, pri = true, capacity = true, compat_nil_utube = true, lane_limit = true,
    -- Misspelt so in scripts for tarantool/queue, its own tests among them.
    if_not_exist = true,
}

local function boolean(name, value)
    if value ~= nil and type(value) ~= 'boolean' then
        errors.invalid(name, 'a boolean', value)
    end
    return value or false
end

-- The name is a space's name, and part of the names of functions that are CALLed.
local function check_name(name)
    if type(name) ~= 'string' or #name == 0 or #name > 64 or name:sub(1, 1) == '_'
        or name:find('[^%w_%-]') then
        errors.invalid('name', '1 to 64 letters, digits, `_` or `-`, the first of them not `_`', name)
    end
end

local function check_vinyl(kind, o)
    if kind == 'limfifottl' then
        errors.raise('INVALID_ARGUMENT', 'limfifottl queue does not support vinyl engine')
    elseif o.storage_mode == 'ready_buffer' then
        errors.raise('INVALID_ARGUMENT', '"ready_buffer" storage mode cannot be used with vinyl engine')
    elseif o.temporary then
        errors.invalid('temporary', 'false with the vinyl engine', o.temporary)
    end
end

---@param kind string type of the tube
---@return table opts to store, boolean if_not_exists, function|nil on_task_change
local function check(name, kind, value)
    check_name(name)
    local o = args.options('opts', value) or {}
    local of_abilities = abilities.tube_options()
    for option in pairs(o) do
        if not NAMES[option] and of_abilities[option] == nil then
            errors.raise('INVALID_ARGUMENT', ('Unknown option `%s` of create_tube'):format(tostring(option)))
        end
    end
    if o.engine ~= nil and o.engine ~= 'memtx' and o.engine ~= 'vinyl' then
        errors.invalid('engine', "'memtx' or 'vinyl'", o.engine)
    end
    if o.engine == 'vinyl' then
        check_vinyl(kind, o)
    end
    if o.on_task_change ~= nil and type(o.on_task_change) ~= 'function' then
        errors.invalid('on_task_change', 'a function', o.on_task_change)
    end
    if o.storage_mode ~= nil and o.storage_mode ~= 'default' and o.storage_mode ~= 'ready_buffer' then
        errors.invalid('storage_mode', "'default' or 'ready_buffer'", o.storage_mode)
    end
    local stored = setmetatable({
        ttl = args.seconds('ttl', o.ttl),
        ttr = args.seconds('ttr', o.ttr),
        pri = o.pri ~= nil and args.integer('pri', o.pri, -9007199254740991, 9007199254740991) or nil,
        capacity = o.capacity ~= nil and args.integer('capacity', o.capacity, 0, 9007199254740991) or nil,
        compat_nil_utube = boolean('compat_nil_utube', o.compat_nil_utube) or nil,
        lane_limit = o.lane_limit ~= nil and args.integer('lane_limit', o.lane_limit, 1, 9007199254740991) or nil,
        engine = o.engine,
        storage_mode = o.storage_mode,
        temporary = boolean('temporary', o.temporary) or nil,
    }, { __serialize = 'map' })
    for option, check_option in pairs(of_abilities) do
        if o[option] ~= nil then
            stored[option] = check_option(o[option], kind, o)
        end
    end
    local if_not_exists = boolean('if_not_exists', o.if_not_exists) or boolean('if_not_exist', o.if_not_exist)
    return stored, if_not_exists, o.on_task_change
end

return { check = check }
