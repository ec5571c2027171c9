-- Tables for people: as wide as what stands in them, cut at the edge of a terminal.

local terminal = require('lib.terminal')
local text = require('lib.text')

local tables = {}

local GAP = '  '
-- A last column is not cut below this.
local LEAST = 12

local function padded(cell, width, is_right)
    local space = (' '):rep(math.max(0, width - text.width(cell)))
    return is_right and space .. cell or cell .. space
end

-- Columns without a single value are left out.
local function used(columns, rows)
    local kept = {}
    for i, column in ipairs(columns) do
        local is_used = not column.optional
        for _, row in ipairs(rows) do
            is_used = is_used or (row[i] or '') ~= ''
        end
        if is_used then
            table.insert(kept, i)
        end
    end
    return kept
end

---@param columns table[] { name, right = numbers, optional = left out if empty }
---@param rows table[] of strings, by column
---@return string[] lines
function tables.lines(columns, rows, width)
    local kept, widths, total = used(columns, rows), {}, 0
    for _, i in ipairs(kept) do
        widths[i] = text.width(columns[i].name)
        for _, row in ipairs(rows) do
            widths[i] = math.max(widths[i], text.width(row[i] or ''))
        end
        total = total + widths[i] + #GAP
    end
    local last = kept[#kept]
    if width ~= nil then
        widths[last] = math.min(widths[last], math.max(LEAST, width - (total - #GAP - widths[last])))
    end
    local function line(cell_of)
        local cells = {}
        for _, i in ipairs(kept) do
            table.insert(cells, padded(text.fit(cell_of(i), widths[i]), widths[i], columns[i].right))
        end
        return (table.concat(cells, GAP):gsub('%s+$', ''))
    end
    local lines = { line(function(i) return columns[i].name end) }
    for _, row in ipairs(rows) do
        table.insert(lines, line(function(i) return row[i] or '' end))
    end
    return lines
end

---@param nothing string what to say of no rows
function tables.print(columns, rows, nothing)
    if #rows == 0 then
        print(nothing)
        return
    end
    for _, line in ipairs(tables.lines(columns, rows, terminal.columns())) do
        print(line)
    end
end

---Names and values below each other.
---@param fields table[] { name, value }; those without a value are left out
function tables.print_fields(fields)
    local width = 0
    for _, field in ipairs(fields) do
        width = math.max(width, field[2] ~= nil and #field[1] or 0)
    end
    for _, field in ipairs(fields) do
        if field[2] ~= nil then
            print(('%s  %s'):format(padded(field[1], width), field[2]))
        end
    end
end

return tables
