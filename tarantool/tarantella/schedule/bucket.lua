-- Leaky buckets by nginx's formula (limit_req), in integers: milliseconds, thousandths of
-- a delivery, and thousandths of a delivery a second.
--
--   limit   { rate, burst }
--   bucket  { excess, last }; nil stands for one that is idle
--
-- Each delivery raises the excess by 1000 and time lowers it at the rate; above the burst
-- there is none. An idle bucket lets `burst` deliveries and one more through at once.

local floor, ceil, max = math.floor, math.ceil, math.max

-- Excess of an idle bucket: the first delivery brings it to 0, and not to 1000.
local IDLE = -1000

local bucket = {}

-- A step of the clock backwards counts as none.
local function excess_at(of, limit, now)
    if of == nil then
        return IDLE
    end
    local drained = floor(limit.rate * max(0, now - of.last) / 1000)
    return max(IDLE, of.excess - drained)
end

---@return integer deliveries that the limit lets through now
function bucket.allowance(of, limit, now)
    return max(0, floor((limit.burst - excess_at(of, limit, now)) / 1000))
end

---Counts a delivery.
function bucket.add(to, limit, now)
    to.excess, to.last = excess_at(to, limit, now) + 1000, max(now, to.last)
end

---Drains a bucket until now, before its limit becomes another one.
function bucket.settle(of, limit, now)
    of.excess, of.last = excess_at(of, limit, now), max(now, of.last)
end

---@return integer milliseconds: when the limit lets the next delivery through
function bucket.opens(of, limit)
    return of.last + max(0, ceil((of.excess + 1000 - limit.burst) * 1000 / limit.rate))
end

---@return integer milliseconds: from when on the bucket changes no answer
function bucket.idles(of, limit)
    return of.last + ceil((of.excess - IDLE) * 1000 / limit.rate)
end

---@return table an idle bucket
function bucket.new(now)
    return { excess = IDLE, last = now }
end

return bucket
