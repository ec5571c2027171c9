-- Blocks of memory that grow. Neither LuaJIT's heap, which ends near 2 GB on old servers,
-- nor, once they are large, malloc's: blocks of megabytes that grow by copying leave
-- holes there as large as themselves, and a million tasks cost 20 bytes more each.

local ffi = require('ffi')

for _, declaration in ipairs({
    'void *realloc(void *ptr, size_t size);',
    'void free(void *ptr);',
    'void *mmap(void *addr, size_t length, int prot, int flags, int fd, long offset);',
    'void *mremap(void *old, size_t old_size, size_t new_size, int flags, ...);',
    'int munmap(void *addr, size_t length);',
}) do
    pcall(ffi.cdef, declaration)
end

local C = ffi.C
-- From here on a block has pages of its own, where the kernel moves them without copying.
local MAP_BYTES = jit.os == 'Linux' and 1024 * 1024 or math.huge
local READ_WRITE, PRIVATE_ANONYMOUS, MAY_MOVE = 3, 0x22, 1
local MAP_FAILED = ffi.cast('void *', -1)

local memory = {}

local function release(block)
    if block.is_mapped then
        C.munmap(block.at, block.bytes)
    else
        C.free(block.at)
    end
    block.at, block.bytes, block.is_mapped = nil, 0, false
end

local block_t = ffi.metatype('struct { void *at; size_t bytes; bool is_mapped; }', { __gc = release })

local function fail()
    error('tarantella: out of memory for the schedule')
end

local function map(block, bytes)
    local at
    if block.is_mapped then
        at = C.mremap(block.at, block.bytes, ffi.cast('size_t', bytes), ffi.cast('int', MAY_MOVE))
    else
        at = C.mmap(nil, bytes, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0)
    end
    if at == MAP_FAILED then
        fail()
    end
    if not block.is_mapped then
        ffi.copy(at, block.at, block.bytes)
        C.free(block.at)
    end
    block.at, block.is_mapped = at, true
end

---@return cdata an empty block, freed with its last reference: pointers into it do not count
function memory.new()
    return block_t()
end

---Grows a block; what is added is not cleared, and pointers into it are void.
function memory.grow(block, bytes)
    if bytes >= MAP_BYTES then
        map(block, bytes)
    else
        local at = C.realloc(block.at, bytes)
        if at == nil then
            fail()
        end
        block.at = at
    end
    block.bytes = bytes
end

---Gives its memory back at once.
memory.release = release

return memory
