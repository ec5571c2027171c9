import { describe, expect, test } from 'vitest'
import {
  candidates,
  initialRoles,
  type Mode,
  type Role,
  type RoleEvent,
  type Roles,
  reduceRoles,
} from '../../src/pool/roles.ts'

const A = 'uuid-a'
const B = 'uuid-b'

function up(name: string, uuid: string = `uuid-${name}`): RoleEvent {
  return { type: 'up', name, uuid }
}

function role(name: string, role: Role | undefined): RoleEvent {
  return { type: 'role', name, role }
}

function down(name: string): RoleEvent {
  return { type: 'down', name }
}

function refused(name: string, leaderUuid?: string): RoleEvent {
  return { type: 'refused', name, leaderUuid }
}

function after(...events: RoleEvent[]): Roles {
  return events.reduce(reduceRoles, initialRoles(['a', 'b', 'c']))
}

const master = [up('a'), role('a', 'rw'), up('b'), role('b', 'ro')]

describe('who may serve', () => {
  test.each<[mode: Mode, names: string[]]>([
    ['rw', ['a']],
    ['ro', ['b']],
    ['any', ['a', 'b']],
    ['preferRw', ['a']],
    ['preferRo', ['b']],
  ])('%s, of a master, a replica and one that is down', (mode, names) => {
    expect(candidates(after(...master), mode)).toEqual(names)
  })

  test.each<[mode: Mode, names: string[]]>([
    ['rw', []],
    ['ro', ['b']],
    ['any', ['b']],
    ['preferRw', ['b']],
    ['preferRo', ['b']],
  ])('%s, when the master is down', (mode, names) => {
    expect(candidates(after(...master, down('a')), mode)).toEqual(names)
  })

  test('preferRo goes to the master where there is no replica', () => {
    expect(candidates(after(up('a'), role('a', 'rw')), 'preferRo')).toEqual(['a'])
  })

  test('nobody before the role is known, not even for reads', () => {
    expect(candidates(after(up('a')), 'any')).toEqual([])
  })

  test('nobody after an instance has said that it does not serve', () => {
    expect(candidates(after(...master, role('b', undefined)), 'any')).toEqual(['a'])
  })

  test('one of unknown role serves writes where nobody else does', () => {
    expect(candidates(after(up('c'), role('c', 'unknown')), 'rw')).toEqual(['c'])
    expect(candidates(after(...master, up('c'), role('c', 'unknown')), 'rw')).toEqual(['a'])
  })
})

describe('a refused write', () => {
  test('makes the one that it names the leader at once', () => {
    const roles = after(...master, refused('a', B))
    expect(candidates(roles, 'rw')).toEqual(['b'])
    expect(candidates(roles, 'ro')).toEqual(['a'])
    expect(roles.get('b')).toMatchObject({ role: 'rw', isHinted: true })
  })

  test('by the one that was named names nobody: two that name each other are not asked in turns', () => {
    const roles = after(...master, refused('a', B), refused('b', A))
    expect(candidates(roles, 'rw')).toEqual([])
  })

  test('is forgotten when the instance says that it takes writes', () => {
    expect(candidates(after(...master, refused('a'), role('a', 'rw')), 'rw')).toEqual(['a'])
  })

  test.each([
    ['nobody', undefined],
    ['a stranger', 'uuid-x'],
    ['one that is down', 'uuid-c'],
    ['itself', A],
  ])('that names %s leaves no leader', (_whom, uuid) => {
    expect(candidates(after(...master, refused('a', uuid)), 'rw')).toEqual([])
  })

  test('and what the named one says of itself counts more', () => {
    const roles = after(...master, refused('a', B), role('b', 'ro'))
    expect(candidates(roles, 'rw')).toEqual([])
  })
})

describe('what is no news', () => {
  test.each<[name: string, event: RoleEvent]>([
    ['a role that is known', role('a', 'rw')],
    ['a loss that is known', down('c')],
    ['the role of one that is down', role('c', 'rw')],
    ['the refusal of one that is down', refused('c', A)],
    ['a refusal by a replica', refused('b', A)],
    ['anything of a stranger', up('x')],
  ])('%s changes nothing', (_name, event) => {
    const before = after(...master)
    expect(reduceRoles(before, event)).toBe(before)
  })

  test('what an instance was before its loss', () => {
    const roles = after(...master, down('a'), up('a'))
    expect(roles.get('a')).toEqual({ isUp: true, role: undefined, uuid: A, isHinted: false })
  })
})
