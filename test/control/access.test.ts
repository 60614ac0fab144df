// Who may do what, by what the kernel says of the peer: a table, and what must hold for all peers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Access, type Peer, roleOf } from '../../src/control/access.ts'

const OWNER = 500
const access: Access = {
  owner: OWNER,
  allow: { users: new Set([1]), groups: new Set([10]) },
  observe: { users: new Set([2]), groups: new Set([20]) },
}
const peer = (uid: number, gid = 99, ...groups: number[]): Peer => ({ pid: 7, uid, gid, groups })

for (const [what, who, role] of [
  ['root', peer(0), 'change'],
  ['the owner', peer(OWNER), 'change'],
  ['an allowed user', peer(1), 'change'],
  ['an allowed primary group', peer(5, 10), 'change'],
  ['an allowed supplementary group', peer(5, 99, 98, 10), 'change'],
  ['an observer', peer(2), 'look'],
  ['a group of observers', peer(5, 99, 20), 'look'],
  ['both: the stronger', peer(2, 10), 'change'],
  ['anybody else', peer(5), null],
  ['a user with the number of a group', peer(10), null],
  ['a group with the number of a user', peer(5, 1), null],
] as const) {
  test(`${what}: ${role}`, () => assert.equal(roleOf(who, access), role))
}

test('without allow and observe whoever can connect may do all: the mode of the file decides', () => {
  assert.equal(roleOf(peer(5), null), 'change')
})

test('nobody gets a role by anything but being named, root or the owner', () => {
  const id = fc.nat({ max: 30 })
  const anyone = fc.record({ pid: id, uid: id, gid: id, groups: fc.array(id, { maxLength: 4 }) })
  const people = fc.record({ users: fc.array(id), groups: fc.array(id) })
  fc.assert(
    fc.property(anyone, people, people, (who, allow, observe) => {
      const sets = ({ users, groups }: typeof allow) => ({ users: new Set(users), groups: new Set(groups) })
      const role = roleOf(who, { owner: OWNER, allow: sets(allow), observe: sets(observe) })
      const named = ({ users, groups }: typeof allow): boolean =>
        users.includes(who.uid) || groups.some((group) => group === who.gid || who.groups.includes(group))
      const expected = who.uid === 0 || named(allow) ? 'change' : named(observe) ? 'look' : null
      assert.equal(role, expected)
    }),
  )
})
