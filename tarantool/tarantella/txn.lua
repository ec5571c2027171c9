-- Ends of transactions. Tarantool 3 calls every `box.on_rollback` of a transaction when it
-- goes back to a savepoint too, though the transaction goes on: here that is not an end.

local txn = {}

local is_partial = false

---Calls a function when the transaction is rolled back; and not when a part of it is.
function txn.on_rollback(fn)
    box.on_rollback(function()
        if not is_partial then
            fn()
        end
    end)
end

---`box.rollback_to_savepoint` for transactions that have changed tasks.
function txn.rollback_to(savepoint)
    is_partial = true
    local ok, cause = pcall(box.rollback_to_savepoint, savepoint)
    is_partial = false
    if not ok then
        error(cause, 0)
    end
end

return txn
