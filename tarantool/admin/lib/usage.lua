-- The words of a command line, and the page that `--help` prints.

local address = require('lib.address')
local values = require('lib.values')

local usage = {}

local COMMON = {
    { 'json', nil, 'print JSON: what the server answered' },
    { 'user', 'NAME', 'instead of the one in the address' },
    { 'timeout', 'SPAN', 'longest wait for an answer (default 30s)', 'span' },
    { 'help', nil, 'print this page' },
}
local YES = { 'yes', nil, 'do not ask' }

---@param spec table see cli.lua
---@return table[] options: { name, name of the value, about, kind }
local function options_of(spec)
    local list = {}
    for _, option in ipairs(spec.options or {}) do
        table.insert(list, option)
    end
    if spec.asks then
        table.insert(list, YES)
    end
    for _, option in ipairs(COMMON) do
        table.insert(list, option)
    end
    return list
end

---@return string
function usage.line(spec)
    return ('tarantool %s.lua URI %s[options]'):format(spec.name, spec.arguments and spec.arguments .. ' ' or '')
end

---@return string
function usage.page(spec)
    local lines = { spec.about, '', 'Usage: ' .. usage.line(spec), '' }
    local rows, width = {}, 0
    for _, option in ipairs(options_of(spec)) do
        local head = '--' .. option[1] .. (option[2] and ' ' .. option[2] or '')
        table.insert(rows, { head, option[3] })
        width = math.max(width, #head)
    end
    for _, row in ipairs(rows) do
        table.insert(lines, ('  %s  %s'):format(row[1] .. (' '):rep(width - #row[1]), row[2]))
    end
    table.insert(lines, '')
    table.insert(lines, 'URI: [user[:password]@]host:port, a port, or the path of a unix socket; also that of a')
    table.insert(lines, 'console. It may be left out where TARANTELLA_URI is set. TARANTELLA_USER and')
    table.insert(lines, 'TARANTELLA_PASSWORD stand in for what it does not say.')
    for i, example in ipairs(spec.examples or {}) do
        local head = i == 1 and '\nExamples:\n' or ''
        table.insert(lines, ('%s  tarantool %s.lua %s'):format(head, spec.name, example))
    end
    return table.concat(lines, '\n')
end

-- Options by name, and the other words; or nil and what is wrong.
local function split(words, known)
    local options, rest, i = {}, {}, 1
    while i <= #words do
        local word = words[i]
        local name, value = word:match('^%-%-([%w%-]+)=?(.*)$')
        if word == '-h' then
            name = 'help'
        end
        if name == nil or word:match('^%-%d') then
            table.insert(rest, word)
        else
            local option = known[name]
            if option == nil then
                return nil, ('unknown option --%s'):format(name)
            elseif option[2] == nil then
                options[name] = true
            else
                if not word:find('=', 1, true) then
                    i = i + 1
                    value = words[i]
                end
                if value == nil then
                    return nil, ('--%s needs a value: %s'):format(name, option[2])
                end
                local read, expected = values[option[4] or 'string'](value)
                if expected ~= nil then
                    return nil, ("expected --%s to be %s, got '%s'"):format(name, expected, value)
                end
                options[name] = read
            end
        end
        i = i + 1
    end
    return options, rest
end

-- Names of the arguments: `TUBE [ID...]`.
local function bind(spec, rest)
    local arguments, at = {}, 1
    for optional, name, many in (spec.arguments or ''):gmatch('(%[?)([%u_]+)(%.*)') do
        local kind = name == 'ID' and values.integer or values.string
        local list = {}
        while at <= #rest and (#list == 0 or many ~= '') do
            local read, expected = kind(rest[at])
            if expected ~= nil then
                return nil, ("expected %s to be %s, got '%s'"):format(name, expected, rest[at])
            end
            table.insert(list, read)
            at = at + 1
        end
        if #list == 0 and optional == '' then
            return nil, name .. ' is missing'
        end
        arguments[name:lower()] = many ~= '' and list or list[1]
    end
    if at <= #rest then
        return nil, ("unexpected '%s'"):format(rest[at])
    end
    return arguments
end

---@param words string[] of the command line
---@return table|nil { options, arguments, uri }; nil: nothing to do but to print the page
---@return string|nil what is wrong
function usage.read(spec, words)
    local known = {}
    for _, option in ipairs(options_of(spec)) do
        known[option[1]] = option
    end
    local options, rest = split(words, known)
    if options == nil then
        return nil, rest
    elseif options.help then
        return { options = options }
    end
    local uri = os.getenv('TARANTELLA_URI')
    if uri == nil or uri == '' or rest[1] ~= nil and address.is_one(rest[1]) then
        uri = table.remove(rest, 1)
    end
    if uri == nil then
        return nil, 'URI is missing'
    end
    local arguments, cause = bind(spec, rest)
    if arguments == nil then
        return nil, cause
    end
    return { options = options, arguments = arguments, uri = uri }
end

return usage
