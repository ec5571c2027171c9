#!/usr/bin/env tarantool
-- 026-replicaset.t once more, with a leader that box.ctl.promote() makes.

local tap = require('tap')

local major, minor = _TARANTOOL:match('^(%d+)%.(%d+)')
if tonumber(major) == 2 and tonumber(minor) < 10 then
    tap.test('replica set with a leader', function(test)
        test:plan(1)
        test:skip('Raft elections are tested on 2.10 and later')
    end)
    os.exit(0)
end
os.setenv('TEST_RAFT', '1') -- luacheck: ignore
dofile((arg[0]:match('^(.*/)') or './') .. '026-replicaset.t')
