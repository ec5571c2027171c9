-- A heap of tables by their field `due`, which may be moved later without telling: what
-- comes to the top too early is asked again by whoever looks there.

local moments = {}
local Moments = {}
Moments.__index = Moments

function moments.new()
    return setmetatable({ n = 0 }, Moments)
end

local function put(self, item, at)
    self[at] = item
    item.at = at
end

local function rise(self, item, at)
    while at > 1 do
        local up = bit.rshift(at, 1)
        if self[up].due <= item.due then
            break
        end
        put(self, self[up], at)
        at = up
    end
    put(self, item, at)
end

local function sink(self, item, at)
    local n = self.n
    while true do
        local child = at * 2
        if child > n then
            break
        end
        if child < n and self[child + 1].due < self[child].due then
            child = child + 1
        end
        if item.due <= self[child].due then
            break
        end
        put(self, self[child], at)
        at = child
    end
    put(self, item, at)
end

function Moments:push(item)
    self.n = self.n + 1
    rise(self, item, self.n)
end

---@return table|nil the one with the least `due`
function Moments:top()
    return self[1]
end

---Restores the order after the `due` of one was changed.
function Moments:move(item)
    rise(self, item, item.at)
    sink(self, item, item.at)
end

function Moments:remove(item)
    local n, at = self.n, item.at
    local last = self[n]
    self[n], self.n, item.at = nil, n - 1, nil
    if last ~= item then
        put(self, last, at)
        self:move(last)
    end
end

return moments
