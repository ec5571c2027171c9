-- Where the queue is: `[user[:password]@]host:port`, a port, or the path of a unix socket,
-- with `tarantool://` before it or not.

local address = {}

local function decoded(text)
    return text and (text:gsub('%%(%x%x)', function(code) return string.char(tonumber(code, 16)) end))
end

---@return boolean whether a word can be nothing else than an address
function address.is_one(word)
    return word:find('[:/@]') ~= nil
end

---@return table|nil { user, password, host, port, text = without the password }; nil: not understood
function address.parse(uri)
    local rest = uri:gsub('^tarantool://', '')
    local login, place = rest:match('^([^/@]*)@(.+)$')
    place = place or rest
    local user, password
    if login ~= nil then
        user, password = login:match('^([^:]*):(.*)$')
        user = decoded(user or login)
        password = decoded(password)
    end
    local path = place:match('^unix/:(.+)$') or place:match('^%.?%.?/.+$')
    local host, port = place:match('^%[?([^%[%]]*)%]?:(%d+)$')
    if path ~= nil then
        host, port = 'unix/', path
    elseif host == nil and place:match('^%d+$') then
        host, port = '127.0.0.1', place
    elseif host == nil then
        return nil
    end
    return {
        user = user ~= '' and user or nil, password = password,
        host = host == '' and '127.0.0.1' or host, port = port,
        text = path or ('%s:%s'):format(host == '' and '127.0.0.1' or host, port),
    }
end

return address
