-- Names and limits of the queue. Requires nothing.

local MICRO = 1000000
local YEAR_S = 365 * 86400

return {
    -- Letters of a task's state, as replies carry them. READY, DELAYED and
    -- BURIED are stored in rows too; TAKEN and DONE never are.
    READY = 'r',
    DELAYED = '~',
    BURIED = '!',
    TAKEN = 't',
    -- Of a flow's parent, until its children have ended; stored.
    WAITING = 'w',
    DONE = '-',

    -- Rows and the schedule count microseconds, the API counts seconds.
    MICRO = MICRO,
    -- A ttl, ttr or timeout above this many seconds means "no limit", as in
    -- tarantool/queue; a delay above it is refused.
    MAX_DURATION_S = 100 * YEAR_S,

    -- Largest integer that a double (and a JavaScript number) counts exactly.
    MAX_SAFE_INTEGER = 9007199254740991,

    -- Items in one *_many call: 10 000 cost some 50 ms of the tx thread.
    MAX_BATCH = 10000,
    -- Tasks of one take_many.
    MAX_TAKE = 1000,
    -- A take_many stops adding tasks when its reply holds this many bytes.
    MAX_REPLY_BYTES = 4 * 1024 * 1024,
    -- Changes that a slow `on_task_change` has still to be told of.
    MAX_EVENTS = 10000,
    -- Waiting takes of one tube.
    MAX_WAITERS = 10000,
    -- Lanes of a tube that have a rate of their own or are paused.
    MAX_LANE_SETTINGS = 10000,
    -- Lanes of a tube whose deliveries a rate counts at a time, some 200 bytes of Lua's memory each.
    MAX_BUCKETS = 250000,
    -- Deliveries a second, and deliveries at once, that a rate can have.
    MAX_RATE = 1000000,
    -- Tubes of one take_any, their weights, and sets of tubes whose turns are remembered.
    MAX_TUBES_OF_TAKE = 100,
    MAX_WEIGHT = 1000000,
    MAX_MIXES = 1000,
    -- Bytes of a lane's name, and of a string key of a waiting take.
    MAX_LANE_BYTES = 1024,
    MAX_KEY_BYTES = 256,

    -- Bytes that are kept of a task's last error.
    MAX_ERROR_BYTES = 1024,
    MAX_ATTEMPTS = 1000000,

    -- Results that a tube keeps of each kind, unless it says how many, and at most.
    KEPT_RESULTS = 10000,
    MAX_KEPT_RESULTS = 10000000,
    -- Bytes of a task's progress as MessagePack; lines of its log and their bytes.
    MAX_PROGRESS_BYTES = 65536,
    MAX_LOG_LINES = 100,
    MAX_LOG_BYTES = 1024,
    -- Tasks of one flow, and how deep it may be.
    MAX_FLOW_TASKS = 10000,
    MAX_FLOW_DEPTH = 100,
    -- Tasks of one `wait`.
    MAX_AWAITED = 1000,

    -- Rows that one commit of a timer, a kick or a truncation touches.
    ROWS_PER_COMMIT = 500,
    -- Steps between two looks at the clock in a loop over many tasks, and how
    -- long such a loop may run before it lets other fibers run.
    SLICE_STEPS = 1000,
    SLICE_S = 0.01,

    TUBE_SPACE = '_tarantella_tube',
    TOKEN_SPACE = '_tarantella_token',
    META_SPACE = '_tarantella_meta',
    LEASE_SPACE = '_tarantella_lease',
    SESSION_SPACE = '_tarantella_session',
    SCHEDULE_SPACE = '_tarantella_schedule',
    EVENT_SPACE = '_tarantella_event',
    TOPIC_SPACE = '_tarantella_topic',
    KEY_SPACE = '_tarantella_key',
    FLOW_SPACE = '_tarantella_flow',
    RESULT_SPACE = '_tarantella_result',
    CHILD_SPACE = '_tarantella_child',
    -- Tokens reserved by one write. Below 10^14 they reach Lua as numbers and not as
    -- 64-bit cdata, which cost an allocation each.
    TOKEN_BLOCK = 1000000000,
}
