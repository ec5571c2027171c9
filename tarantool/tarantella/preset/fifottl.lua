-- By priority, then id; with delay, time to live and time to run.
return {
    type = 'fifottl',
    options = { pri = true, ttl = true, ttr = true, delay = true, at = true },
    lanes = false,
    touch = true,
}
