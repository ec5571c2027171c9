-- What the script's input and output are.

local ffi = require('ffi')

pcall(ffi.cdef, 'int isatty(int fd);')
pcall(ffi.cdef, 'int ioctl(int fd, unsigned long request, ...);')
pcall(ffi.cdef, [[
struct tarantella_winsize {
    unsigned short rows, columns, x, y;
};]])

local terminal = {}

-- TIOCGWINSZ.
local REQUEST = jit.os == 'OSX' and 0x40087468 or 0x5413

---@return boolean
function terminal.is_one(fd)
    return ffi.C.isatty(fd) == 1
end

---@return integer|nil columns of the output; nil: it is no terminal, so nothing has to be cut
function terminal.columns()
    local given = tonumber(os.getenv('COLUMNS') or '')
    if not terminal.is_one(1) then
        return nil
    elseif given ~= nil and given > 0 then
        return given
    end
    local size = ffi.new('struct tarantella_winsize')
    if ffi.C.ioctl(1, REQUEST, size) ~= 0 or size.columns == 0 then
        return 80
    end
    return size.columns
end

return terminal
