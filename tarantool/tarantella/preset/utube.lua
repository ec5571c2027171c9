-- In order of id, one taken task per lane.
return {
    type = 'utube',
    options = { utube = true },
    lanes = true,
    touch = false,
    STORAGE_MODE_DEFAULT = 'default',
    STORAGE_MODE_READY_BUFFER = 'ready_buffer',
}
