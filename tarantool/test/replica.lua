-- An instance of a replica set, in a process of its own: takes part in the replication
-- and answers whatever the test lets it evaluate.

local fixture_root = os.getenv('TEST_ROOT')
package.path = ('%s/?.lua;%s/?/init.lua;%s'):format(fixture_root, fixture_root, package.path)

local function address()
    local listen = box.info.listen
    return type(listen) == 'table' and listen[1] or listen
end

local by_election = os.getenv('TEST_RAFT') ~= nil
box.cfg({
    work_dir = os.getenv('TEST_FOLDER'), log = os.getenv('TEST_FOLDER') .. '/log', feedback_enabled = false,
    listen = '127.0.0.1:0', memtx_memory = 64 * 1024 * 1024, replication_timeout = 0.2,
    replication = os.getenv('TEST_MASTER'), read_only = not by_election and os.getenv('TEST_MASTER') ~= nil,
    election_mode = by_election and 'manual' or nil,
    memtx_use_mvcc_engine = os.getenv('TEST_MVCC') and true or nil,
})
if os.getenv('TEST_MASTER') == nil then
    if by_election then
        box.ctl.promote()
        box.ctl.wait_rw(10)
    end
    box.schema.user.grant('guest', 'super')
end
rawset(_G, 'queue', require('tarantella'))
queue.cfg({ ttr = 30, in_replicaset = true })
io.stdout:write('ready on ' .. address() .. '\n')
io.stdout:flush()
require('fiber').sleep(1000)
