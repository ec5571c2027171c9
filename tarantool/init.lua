#!/usr/bin/env tarantool
-- Starts an instance that is ready for work: `tarantool tarantool/init.lua`.
-- Settings come from the environment and a config file, see docs/server.md.

local fio = require('fio')

local here = fio.dirname(fio.abspath(arg[0] or 'init.lua'))
package.path = ('%s/?.lua;%s/?/init.lua;%s'):format(here, here, package.path)

require('tarantella.instance.launch').run(function(queue)
    -- Remote calls name the functions by this global.
    rawset(_G, 'queue', queue)
end)
