-- fifottl with lanes, one taken task each.
return {
    type = 'utubettl',
    options = { pri = true, ttl = true, ttr = true, delay = true, at = true, utube = true },
    lanes = true,
    touch = true,
}
