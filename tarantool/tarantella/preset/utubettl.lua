-- fifottl with lanes, one taken task each.
return {
    type = 'utubettl',
    options = { pri = true, ttl = true, ttr = true, delay = true, at = true, utube = true },
    lanes = true,
    touch = true,
    STORAGE_MODE_DEFAULT = 'default',
    STORAGE_MODE_READY_BUFFER = 'ready_buffer',
}
