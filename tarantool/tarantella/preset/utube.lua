-- In order of id, one taken task per lane.
return { type = 'utube', options = { utube = true }, lanes = true, touch = false }
