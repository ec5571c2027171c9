-- The users of an instance. What stands as it should is not written again.

local digest = require('digest')

local users = {}

-- Roles and passwords that differ from the settings are changed to them; rights that
-- somebody else granted are left alone.
local function has_password(record, password)
    local scramble = digest.base64_encode(digest.sha1(digest.sha1(password)), { nowrap = true })
    for _, stored in pairs(record[5]) do
        if stored == scramble then
            return true
        end
    end
    return false
end

local function ensure_user(user)
    local record = box.space._user.index.name:get(user.name)
    if record == nil then
        box.schema.user.create(user.name, { password = user.password })
        record = box.space._user.index.name:get(user.name)
    elseif not has_password(record, user.password) then
        box.schema.user.passwd(user.name, user.password)
    end
    for _, role in ipairs(user.roles or {}) do
        local name = 'tarantella_' .. role
        local role_id = box.space._user.index.name:get(name)[1]
        if box.space._priv:get({ record[1], 'role', role_id }) == nil then
            box.schema.user.grant(user.name, 'execute', 'role', name, { if_not_exists = true })
        end
    end
end

---@param list table of { name, password, roles }
function users.ensure(list)
    for _, user in ipairs(list) do
        ensure_user(user)
    end
end

return users
