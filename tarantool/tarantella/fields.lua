-- Layout of a task's row. Field numbers come from here and nowhere else.
--
-- `data` is last: the bytes of a payload reach from its field to the end of the
-- tuple, which lets replies copy them without decoding (row.lua).

local format = {
    { name = 'id', type = 'unsigned' },
    -- As last written: a '~' row whose `due` has passed is ready, and a taken
    -- task's row does not change.
    { name = 'state', type = 'string' },
    { name = 'pri', type = 'number' },
    -- Microseconds since 1970: the end of the delay, the end of the life.
    { name = 'due', type = 'unsigned', is_nullable = true },
    { name = 'dead', type = 'unsigned', is_nullable = true },
    -- Microseconds; null means the tube's own.
    { name = 'ttr', type = 'unsigned', is_nullable = true },
    { name = 'lane', type = 'string', is_nullable = true },
    { name = 'meta', type = 'map', is_nullable = true },
    { name = 'data', type = 'any', is_nullable = true },
}

local fields = { format = format }
for number, field in ipairs(format) do
    fields[field.name] = number
end
return fields
