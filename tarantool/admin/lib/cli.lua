-- What the scripts share: the command line, the connection, the answer, the exit code.
--
-- A script is a table: name, about, arguments ('TUBE [ID...]'), options ({ name, name of the
-- value or nil, about, kind of values.lua }), asks (whether it destroys), examples, and
-- run(c), which may call
--
--   c.call(name, …)      a function of the queue; ends the script when it is refused
--   c.try(name, …)       the same, giving nil and { code, message }
--   c.answer(result, show)   prints JSON or calls show(result)
--   c.confirm(question, word)   ends the script unless the operator agrees
--   c.refuse(text)       ends it with one sentence
--
-- Exit codes: 0 done, 1 refused or failed, 2 the command line is wrong.

local address = require('lib.address')
local connect = require('lib.connect')
local json = require('json')
local terminal = require('lib.terminal')
local usage = require('lib.usage')

local cli = {}

local DEFAULT_TIMEOUT_S = 30

local function leave(code)
    io.stdout:flush()
    os.exit(code)
end

local function fail(spec, code, text)
    io.stdout:flush()
    io.stderr:write(('%s: %s\n'):format(spec.name, text))
    leave(code)
end

local function wrong(spec, text)
    fail(spec, 2, ('%s\nusage: %s\ntry --help'):format(text, usage.line(spec)))
end

local function open(spec, line)
    local to = address.parse(line.uri)
    if to == nil then
        wrong(spec, 'expected URI to be [user[:password]@]host:port, a port or the path of a socket')
    end
    to.user = line.options.user or to.user or os.getenv('TARANTELLA_USER')
    to.password = to.password or os.getenv('TARANTELLA_PASSWORD')
    if to.user == nil then
        to.password = nil
    end
    local port, cause = connect(to, line.options.timeout or DEFAULT_TIMEOUT_S)
    if port == nil then
        fail(spec, 1, cause)
    end
    return port, to
end

-- An answer that is not the one expected would be worse than none.
local function confirm(spec, line, question, word)
    if line.options.yes then
        return
    elseif not terminal.is_one(0) then
        fail(spec, 1, 'not done: nobody is there to be asked. --yes does it without')
    end
    io.stdout:write(('%s [%s to go on] '):format(question, word))
    io.stdout:flush()
    if io.stdin:read('*l') ~= word then
        fail(spec, 1, 'not done')
    end
end

local function context(spec, line, port, to)
    local c = { options = line.options, arguments = line.arguments, place = to.text }
    function c.refuse(text)
        fail(spec, 1, text)
    end
    function c.try(name, ...)
        local ok, result = port:call(name, { ... })
        if ok then
            return result
        end
        return nil, result
    end
    function c.call(name, ...)
        local result, failure = c.try(name, ...)
        if failure ~= nil then
            fail(spec, 1, ('%s (%s)'):format(failure.message, failure.code))
        end
        return result
    end
    function c.answer(result, show)
        if line.options.json then
            print(json.encode(result))
        else
            show(result)
        end
    end
    function c.confirm(question, word)
        confirm(spec, line, question, word or 'yes')
    end
    function c.wrong(text)
        wrong(spec, text)
    end
    return c
end

---Runs a script and ends the process.
function cli.run(spec)
    local words = {}
    for i = 1, #arg do
        words[i] = arg[i]
    end
    local line, cause = usage.read(spec, words)
    if line == nil then
        wrong(spec, cause)
    elseif line.options.help then
        print(usage.page(spec))
        leave(0)
    end
    local port, to = open(spec, line)
    local ok, failure = pcall(spec.run, context(spec, line, port, to))
    if not ok then
        fail(spec, 1, tostring(failure))
    end
    port:close()
    leave(type(failure) == 'number' and failure or 0)
end

return cli
