-- A payload as a line of text, for people: JSON, cut to a number of bytes.

local json = require('json')
local fields = require('tarantella.fields')
local row = require('tarantella.row')
local utf8 = require('utf8')

-- A larger payload is not decoded for a preview.
local MAX_BYTES = 65536

local preview = {}

local function hex(byte)
    return ('\\x%02x'):format(byte:byte())
end

-- What is no text, or would move a terminal's cursor.
local function printable(text)
    if utf8.len(text) == nil then
        text = text:gsub('[\128-\255]', hex)
    end
    return (text:gsub('[%c\127]', hex))
end

-- The first bytes of a text, up to the boundary of a character.
local function head(text, bytes)
    if #text <= bytes then
        return text
    end
    local last = bytes
    while last > 0 and text:byte(last + 1) >= 0x80 and text:byte(last + 1) < 0xc0 do
        last = last - 1
    end
    return text:sub(1, last)
end

---@param tuple box.tuple the row
---@param bytes integer
---@return string
function preview.text(tuple, bytes)
    local _, size = row.data(tuple)
    if size > MAX_BYTES then
        return ('<%d bytes>'):format(size)
    end
    local data = tuple[fields.data]
    local ok, text = pcall(json.encode, data)
    if not ok then
        text = tostring(data)
    end
    -- Not all of it has to be looked at.
    local whole = printable(head(text, 4 * bytes))
    local shown = head(whole, bytes)
    return #shown < #whole and shown .. '…' or shown
end

return preview
