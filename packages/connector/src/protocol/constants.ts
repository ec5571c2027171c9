/** Request types. */
export const RequestType = {
  SELECT: 0x01,
  INSERT: 0x02,
  REPLACE: 0x03,
  UPDATE: 0x04,
  DELETE: 0x05,
  AUTH: 0x07,
  EVAL: 0x08,
  UPSERT: 0x09,
  CALL: 0x0a,
  PING: 0x40,
  /** since 2.10 */
  ID: 0x49,
} as const

/** Types of what the server sends; an error is `ERROR_BIT | number`. */
export const ReplyType = {
  OK: 0x00,
  /** A `box.session.push`; the reply is still to come. */
  CHUNK: 0x80,
  ERROR_BIT: 0x8000,
} as const

/** Keys of the maps that a packet consists of. */
export const Key = {
  REQUEST_TYPE: 0x00,
  SYNC: 0x01,
  SCHEMA_VERSION: 0x05,
  SPACE_ID: 0x10,
  INDEX_ID: 0x11,
  LIMIT: 0x12,
  OFFSET: 0x13,
  ITERATOR: 0x14,
  INDEX_BASE: 0x15,
  KEY: 0x20,
  TUPLE: 0x21,
  FUNCTION_NAME: 0x22,
  USER_NAME: 0x23,
  EXPR: 0x27,
  OPS: 0x28,
  DATA: 0x30,
  /** The text of an error. */
  ERROR_24: 0x31,
  /** The stack of an error, since 2.4.1. */
  ERROR: 0x52,
  /** since 2.10 */
  VERSION: 0x54,
  /** since 2.10 */
  FEATURES: 0x55,
  /** since 2.11 */
  AUTH_TYPE: 0x5b,
  /** since 3.0 */
  SPACE_NAME: 0x5e,
  /** since 3.0 */
  INDEX_NAME: 0x5f,
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
} as const

/** How `select` walks an index; `eq` finds the tuples whose key begins with the parts given. */
export type Iterator = keyof typeof ITERATORS
