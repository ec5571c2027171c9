/** What every subject is asked to do, in the same words. */
export type Operation = 'ping' | 'select' | 'replace' | 'update' | 'call' | 'eval'

export const OPERATIONS: readonly Operation[] = ['ping', 'select', 'replace', 'update', 'call', 'eval']

export const SPACE = 'bench'
/** Subjects that know spaces by number only are spared the search. */
export const SPACE_ID = 600
/** Rows that are there, and keys that requests go round. */
export const ROWS = 10_000
export const USER = 'bench'
export const PASSWORD = 'secret'

export const CALLED = 'bench_call'
export const EVALUATED = 'return ...'

export type Row = [id: number, user: string, count: number]

export const rowOf = (key: number): Row => [key, 'user@example.com', 42]

/** The argument of a call: a small map, as a message to one user may be. */
export interface Message {
  readonly user: number
  readonly text: string
  readonly badge: number
  readonly silent: boolean
}

export const messageOf = (user: number): Message => ({ user, text: 'Your horoscope is here', badge: 1, silent: false })

/** The same for every subject: a space with its rows, written to the WAL, and a function that takes a map. */
export const SERVER_SCRIPT = `
  local space = box.schema.space.create('${SPACE}', { id = ${SPACE_ID}, if_not_exists = true, format = {
    { 'id', 'unsigned' }, { 'user', 'string' }, { 'count', 'integer' },
  } })
  space:create_index('pk', { parts = { 'id' }, if_not_exists = true })
  box.begin()
  for id = 0, ${ROWS - 1} do space:replace({ id, 'user@example.com', 42 }) end
  box.commit()
  function ${CALLED}(message) return message.user end
  box.schema.user.create('${USER}', { password = '${PASSWORD}', if_not_exists = true })
  for _, user in ipairs({ '${USER}', 'guest' }) do
    box.schema.user.grant(user, 'read,write,execute', 'universe', nil, { if_not_exists = true })
  end
`
