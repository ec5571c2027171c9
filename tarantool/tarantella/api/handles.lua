-- Tube objects. They outlive the schedules behind them: a user may keep one over a
-- change of role, and over a reload of the module.

local handles = { methods = {} }

local mt = {
    __index = handles.methods,
    -- An object has functions and could not be sent; this is what a client gets.
    __serialize = function(handle)
        return { name = handle.name, type = handle.type, id = handle.tube_id }
    end,
}

local by_name = {}

---@return table the object of a tube
function handles.of(tube)
    local handle = by_name[tube.name]
    if handle == nil or handle.tube_id ~= tube.id then
        handle = setmetatable({ name = tube.name, type = tube.type, tube_id = tube.id }, mt)
        by_name[tube.name] = handle
    end
    handle.opts, handle.raw = tube.opts, tube
    return handle
end

---The next tube of that name gets an object of its own.
function handles.drop(name)
    by_name[name] = nil
end

---@return table name → object
function handles.all()
    return by_name
end

---Goes on with the objects of an older copy of the module.
function handles.import(older)
    by_name = older
    for _, handle in pairs(by_name) do
        setmetatable(handle, mt)
    end
end

return handles
