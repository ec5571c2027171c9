import type { Client } from './client.ts'
import type { ClientSchema, Typed } from './typed-commands.ts'

/** A client whose spaces and functions have the types of a schema. */
export type TypedClient<S extends ClientSchema> = Typed<Client, S>

/** The same client under the types of a schema, for who needs both views; else {@link connect} takes the schema. */
export function typed<S extends ClientSchema>(client: Client): TypedClient<S> {
  // Only the types differ.
  return client as unknown as TypedClient<S>
}
