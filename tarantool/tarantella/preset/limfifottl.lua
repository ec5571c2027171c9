-- fifottl with a capacity; a put may wait `timeout` seconds for room.
return {
    type = 'limfifottl',
    options = { pri = true, ttl = true, ttr = true, delay = true, at = true, timeout = true },
    lanes = false,
    touch = true,
    capacity = true,
}
