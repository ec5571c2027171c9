// The layer rules. An arrow `a ← b` reads: b may import a, never the reverse.

const CONNECTOR = 'packages/connector/src'
const QUEUE = 'packages/queue/src'

/** Imported by any layer of its package: options and ports hold types and defaults, errors and diagnostics the words. */
const FOUNDATION = '(errors|options|diagnostics|ports)[.]ts$'

/** Folders or files of the connector, lowest first. */
const CONNECTOR_LAYERS = ['util', 'msgpack', 'protocol', 'transport', 'connection', '(client|pool)']

/** Those of the queue, lowest first. */
const QUEUE_LAYERS = [
  'wire',
  '(batch|take|session|limit|schedule|payload|plain)',
  'task',
  'worker',
  'tube',
  'queue',
  '(writer|servers)',
]

/** For each layer a rule that forbids the ones above it. */
function chain(root, layers) {
  return layers.slice(0, -1).map((layer, position) => ({
    name: `${root.split('/')[1]}-${layer.replace(/[()]/g, '').replace(/[|]/g, '-')}-below-the-rest`,
    comment: `In ${root}: ${[...layers, 'index'].join(' ← ')}`,
    severity: 'error',
    from: { path: `^${root}/${layer}(/|[.]ts$|-)` },
    to: { path: `^${root}/(${layers.slice(position + 1).join('|')})(/|[.]ts$|-)` },
  }))
}

function forbid(name, comment, from, to) {
  return { name, comment, severity: 'error', from, to }
}

module.exports = {
  forbidden: [
    forbid('no-cycle', 'A cycle, be it of types only, means that two files are one.', {}, { circular: true }),
    forbid('no-unresolvable', 'Every import must exist.', {}, { couldNotResolve: true }),
    ...chain(CONNECTOR, CONNECTOR_LAYERS),
    ...chain(QUEUE, QUEUE_LAYERS),
    forbid(
      'foundation-imports-no-layer',
      'Errors, options, diagnostics and ports stand below the layers.',
      { path: `^packages/[^/]+/src/${FOUNDATION}` },
      { path: '^packages/[^/]+/src/', pathNot: [`^packages/[^/]+/src/${FOUNDATION}`, `^${CONNECTOR}/(util|msgpack)/`] },
    ),
    forbid(
      'errors-import-nothing',
      'The errors of the connector can be read alone.',
      { path: `^${CONNECTOR}/errors[.]ts$` },
      { path: '.' },
    ),
    forbid(
      'codec-does-no-io',
      'msgpack and protocol turn values into bytes and back: no socket, clock or event.',
      { path: `^${CONNECTOR}/(msgpack|protocol)/` },
      { path: '^(node:)?(net|tls|dns|timers|events|http|https|dgram|fs|child_process|worker_threads)(/|$)' },
    ),
    forbid(
      'sockets-in-one-file',
      'Only transport/socket.ts opens a socket.',
      { path: `^packages/[^/]+/src/`, pathNot: `^${CONNECTOR}/transport/socket[.]ts$` },
      { path: '^(node:)?(net|tls)$' },
    ),
    forbid(
      'nobody-imports-its-own-index',
      'A package does not use its own public surface, which would be a cycle sooner or later; internal.ts repeats it.',
      { path: '^packages/([^/]+)/src/', pathNot: '^packages/[^/]+/src/internal[.]ts$' },
      { path: '^packages/$1/src/(index|internal)[.]ts$' },
    ),
    forbid(
      'queue-names-the-connector-in-few-places',
      'The queue knows its connector through ports.ts, so that any Caller will do.',
      { path: `^${QUEUE}/`, pathNot: `^${QUEUE}/(ports|errors|diagnostics|index)[.]ts$` },
      { path: '^packages/connector/' },
    ),
    forbid(
      'connector-does-not-know-the-queue',
      'The connector stands alone.',
      { path: '^packages/connector/' },
      { path: '^packages/queue/' },
    ),
    forbid(
      'packages-by-name',
      'Examples, benchmarks and integration tests use the packages as their users do.',
      { path: '^(test|bench|examples|docker)/' },
      { path: '^packages/[^/]+/src/' },
    ),
    forbid(
      'no-test-code-in-packages',
      'What is published depends on nothing that is not.',
      { path: '^packages/[^/]+/src/' },
      { path: ['^(test|bench|examples|scripts)/', '^packages/[^/]+/test/'] },
    ),
    forbid(
      'peers-in-sub-paths-alone',
      'Whoever does not import a sub-path needs none of its optional peers.',
      {
        path: `^packages/[^/]+/src/`,
        pathNot:
          '^packages/(connector/src/(opentelemetry|prometheus)|queue/src/(threads|msgpack-lite|schedule/cron|opentelemetry|prometheus))[.]ts$',
      },
      { dependencyTypes: ['npm-peer'] },
    ),
    forbid(
      'no-undeclared-dependency',
      'A package runs on what its manifest names. A peer is a development dependency beside, for the tests.',
      { path: '^packages/[^/]+/src/' },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-optional'], dependencyTypesNot: ['npm-peer'] },
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    // The packages import each other as built.
    doNotFollow: { path: ['node_modules', '/dist/'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
}
