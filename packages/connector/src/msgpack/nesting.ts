/**
 * How deep arrays and maps may nest, in both directions. The server's own Lua codec stops at 128
 * (`encode_max_depth`); twice that leaves room for what C and SQL store, and keeps recursion shallow.
 */
export const MAX_NESTING = 256
