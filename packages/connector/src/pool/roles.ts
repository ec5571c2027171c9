/** 'unknown': it serves, but does not say whether it takes writes. */
export type Role = 'rw' | 'ro' | 'unknown'

/**
 * Which instances may serve a request: 'rw' those that take writes, 'ro' those that do not, 'any' all;
 * 'preferRw' and 'preferRo' such as these while there is one, else any.
 */
export type Mode = 'rw' | 'ro' | 'any' | 'preferRw' | 'preferRo'

/** What is known of one instance. */
export interface InstanceState {
  readonly isUp: boolean
  /** Undefined until it is known: the instance is not used before. */
  readonly role: Role | undefined
  /** Of the latest session. */
  readonly uuid: string | undefined
  /** Its role is what another instance has said of it. */
  readonly isHinted: boolean
}

/** By name, in the order that the user gave. */
export type Roles = ReadonlyMap<string, InstanceState>

export type RoleEvent =
  /** The instances are these now. Those that stay keep what is known of them. */
  | { readonly type: 'listed'; readonly names: readonly string[] }
  /** A session stands. */
  | { readonly type: 'up'; readonly name: string; readonly uuid: string }
  /** The instance has said what it is. */
  | { readonly type: 'role'; readonly name: string; readonly role: Role | undefined }
  /** It has refused a write, for it is read-only, and perhaps said who leads. */
  | { readonly type: 'refused'; readonly name: string; readonly leaderUuid: string | undefined }
  | { readonly type: 'down'; readonly name: string }

const DOWN: InstanceState = { isUp: false, role: undefined, uuid: undefined, isHinted: false }

export function initialRoles(names: readonly string[]): Roles {
  return new Map(names.map((name) => [name, DOWN]))
}

/** The roles after an event; the same object if it changes nothing. An instance of no known name is none. */
export function reduceRoles(roles: Roles, event: RoleEvent): Roles {
  if (event.type === 'listed') return new Map(event.names.map((name) => [name, roles.get(name) ?? DOWN]))
  const state = roles.get(event.name)
  if (state === undefined) return roles
  switch (event.type) {
    case 'up':
      return change(roles, event.name, { isUp: true, role: undefined, uuid: event.uuid, isHinted: false })
    case 'down':
      return change(roles, event.name, { ...DOWN, uuid: state.uuid })
    case 'role':
      // What an instance said before it went down is no news.
      return state.isUp ? change(roles, event.name, { ...state, role: event.role, isHinted: false }) : roles
    case 'refused':
      return state.isUp ? refused(roles, event.name, state, event.leaderUuid) : roles
  }
}

/**
 * A leader that another instance has named may lead no longer. If it refuses as well, whom it names is not believed:
 * two that name each other would be asked in turns for ever.
 */
function refused(roles: Roles, name: string, state: InstanceState, leaderUuid: string | undefined): Roles {
  const after = change(roles, name, { ...state, role: 'ro', isHinted: false })
  if (leaderUuid === undefined || state.isHinted) return after
  for (const [other, { isUp, role, uuid }] of after) {
    const isNews = uuid === leaderUuid && other !== name && isUp && role !== 'rw'
    if (isNews) return change(after, other, { isUp, role: 'rw', uuid, isHinted: true })
  }
  return after
}

/** The instances that may serve, in the user's order. */
export function candidates(roles: Roles, mode: Mode): string[] {
  const usable = [...roles].filter(([, { isUp, role }]) => isUp && role !== undefined)
  const having = (wanted: Role): string[] => usable.filter(([, { role }]) => role === wanted).map(([name]) => name)
  const any = usable.map(([name]) => name)
  switch (mode) {
    case 'rw':
      // Who does not say what he is may take writes; a refusal will tell.
      return firstOf(having('rw'), having('unknown'))
    case 'ro':
      return having('ro')
    case 'any':
      return any
    case 'preferRw':
      return firstOf(having('rw'), any)
    case 'preferRo':
      return firstOf(having('ro'), any)
  }
}

function firstOf(preferred: string[], others: string[]): string[] {
  return preferred.length > 0 ? preferred : others
}

function change(roles: Roles, name: string, state: InstanceState): Roles {
  const old = roles.get(name)
  const isSame =
    old?.isUp === state.isUp && old.role === state.role && old.uuid === state.uuid && old.isHinted === state.isHinted
  return isSame ? roles : new Map(roles).set(name, state)
}
