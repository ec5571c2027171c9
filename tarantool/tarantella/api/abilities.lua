-- The list of abilities, in the order in which their hooks run.

local abilities = require('tarantella.abilities')

for _, ability in ipairs({
    require('tarantella.ability.metrics'),
    require('tarantella.ability.adopt'),
    require('tarantella.ability.limit'),
    require('tarantella.ability.capacity'),
    require('tarantella.ability.flow'),
    require('tarantella.ability.take_any'),
    require('tarantella.ability.aging'),
    require('tarantella.ability.admin'),
    require('tarantella.ability.schedules'),
    require('tarantella.ability.topics'),
    require('tarantella.ability.events'),
    require('tarantella.ability.failure'),
    require('tarantella.ability.results'),
    require('tarantella.ability.flows'),
    -- The last: a task's end may put the next one, which must not be undone by a hook after it.
    require('tarantella.ability.unique'),
}) do
    abilities.add(ability)
end

return abilities
