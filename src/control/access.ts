// Who may speak on the socket. With `allow` or `observe` the file is open to all, and the kernel's word on
// each connection decides: the user, the group and the supplementary groups of the process at the other
// end, as they were when it connected. Without them the mode of the file decides, and who can connect may do all.
// Pure: names were looked up by others.

/** `change`: everything. `look`: methods that change nothing. */
export type Role = 'change' | 'look'

/** As the kernel noted it when the connection was made (SO_PEERCRED, SO_PEERGROUPS). */
export interface Peer {
  readonly pid: number
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  /** The address of a browser: pid, uid and the rest are then the master's own. */
  readonly from?: string
}

export interface People {
  readonly users: ReadonlySet<number>
  readonly groups: ReadonlySet<number>
}

export interface Access {
  /** The master's own user, who may always do everything, as root may. */
  readonly owner: number
  readonly allow: People
  readonly observe: People
}

/** null = nothing at all. */
export function roleOf(peer: Peer, access: Access | null): Role | null {
  if (access === null) return 'change'
  if (peer.uid === 0 || peer.uid === access.owner || isOf(peer, access.allow)) return 'change'
  return isOf(peer, access.observe) ? 'look' : null
}

const isOf = ({ uid, gid, groups }: Peer, people: People): boolean =>
  people.users.has(uid) || people.groups.has(gid) || groups.some((group) => people.groups.has(group))
