std = 'luajit'
globals = { 'box', '_TARANTOOL', 'unpack' }
read_globals = {
    table = { fields = { 'copy', 'deepcopy', 'new', 'clear' } },
    os = { fields = { 'environ' } },
    string = { fields = { 'hex', 'split', 'strip', 'startswith' } },
}
max_line_length = 120
include_files = { 'tarantool/**/*.lua', 'tarantool/**/*.t', 'examples/*/*.lua' }
files['tarantool/test'] = { globals = { 'queue' } }
