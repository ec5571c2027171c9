/** Request types. */
export const RequestType = {
  SELECT: 0x01,
  INSERT: 0x02,
  REPLACE: 0x03,
  UPDATE: 0x04,
  DELETE: 0x05,
  /** Each returned value comes as a tuple of its own. */
  CALL_16: 0x06,
  AUTH: 0x07,
  EVAL: 0x08,
  UPSERT: 0x09,
  CALL: 0x0a,
  EXECUTE: 0x0b,
  PREPARE: 0x0d,
  /** since 2.10, as the next two */
  BEGIN: 0x0e,
  COMMIT: 0x0f,
  ROLLBACK: 0x10,
  /** since 3.3 */
  INSERT_ARROW: 0x11,
  PING: 0x40,
  /** since 2.10 */
  ID: 0x49,
  /** since 2.10, as UNWATCH; neither has a reply */
  WATCH: 0x4a,
  UNWATCH: 0x4b,
  /** since 3.0 */
  WATCH_ONCE: 0x4d,
} as const

/** Types of what the server sends; an error is `ERROR_BIT | number`. */
export const ReplyType = {
  OK: 0x00,
  /** A watched key has a value; it belongs to no request. */
  EVENT: 0x4c,
  /** A `box.session.push`; the reply is still to come. */
  CHUNK: 0x80,
  ERROR_BIT: 0x8000,
} as const

/** Keys of the maps that a packet consists of. */
export const Key = {
  REQUEST_TYPE: 0x00,
  SYNC: 0x01,
  SCHEMA_VERSION: 0x05,
  /** Of the header; since 2.10. */
  STREAM_ID: 0x0a,
  SPACE_ID: 0x10,
  INDEX_ID: 0x11,
  LIMIT: 0x12,
  OFFSET: 0x13,
  ITERATOR: 0x14,
  INDEX_BASE: 0x15,
  /** since 2.11 */
  FETCH_POSITION: 0x1f,
  KEY: 0x20,
  TUPLE: 0x21,
  FUNCTION_NAME: 0x22,
  USER_NAME: 0x23,
  EXPR: 0x27,
  OPS: 0x28,
  OPTIONS: 0x2b,
  /** since 2.11 */
  AFTER_POSITION: 0x2e,
  /** since 2.11 */
  AFTER_TUPLE: 0x2f,
  DATA: 0x30,
  /** The text of an error. */
  ERROR_24: 0x31,
  METADATA: 0x32,
  BIND_METADATA: 0x33,
  BIND_COUNT: 0x34,
  /** since 2.11 */
  POSITION: 0x35,
  /** since 3.3 */
  ARROW: 0x36,
  SQL_TEXT: 0x40,
  SQL_BIND: 0x41,
  SQL_INFO: 0x42,
  STMT_ID: 0x43,
  /** The stack of an error, since 2.4.1. */
  ERROR: 0x52,
  /** since 2.10 */
  VERSION: 0x54,
  /** since 2.10 */
  FEATURES: 0x55,
  /** since 2.10; a float64, nothing else */
  TIMEOUT: 0x56,
  /** since 2.10 */
  EVENT_KEY: 0x57,
  /** since 2.10; absent while the key has no value */
  EVENT_DATA: 0x58,
  /** since 2.10 */
  TXN_ISOLATION: 0x59,
  /** since 2.11 */
  AUTH_TYPE: 0x5b,
  /** since 3.0 */
  SPACE_NAME: 0x5e,
  /** since 3.0 */
  INDEX_NAME: 0x5f,
  /** since 3.0 */
  TUPLE_FORMATS: 0x60,
  /** since 3.0; true, nothing else */
  IS_SYNC: 0x61,
} as const

/** Largest `limit` and `offset` that the server takes. */
export const MAX_UINT32 = 0xffff_ffff

/** Iterators of `select`, by the names that Tarantool's Lua has for them. */
export const ITERATORS = {
  eq: 0,
  req: 1,
  all: 2,
  lt: 3,
  le: 4,
  ge: 5,
  gt: 6,
  bitsAllSet: 7,
  bitsAnySet: 8,
  bitsAllNotSet: 9,
  overlaps: 10,
  neighbor: 11,
  /** Next prefix; since 3.2. */
  np: 12,
  /** Previous prefix; since 3.2. */
  pp: 13,
} as const

/** How `select` walks an index; `eq` finds the tuples whose key begins with the parts given. */
export type Iterator = keyof typeof ITERATORS
