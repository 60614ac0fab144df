// Users and groups as numbers, for targets that take no names.

import { readFileSync } from 'node:fs'

interface User {
  readonly name: string
  readonly group: string | null
}

/** null = not known here. */
export function idsOf({ name, group }: User): { readonly uid: number; readonly gid: number | null } | null {
  const entry = entryOf('/etc/passwd', name)
  const uid = /^\d+$/.test(name) ? Number(name) : Number(entry?.[2] ?? Number.NaN)
  const own = group === null ? entry?.[3] : /^\d+$/.test(group) ? group : entryOf('/etc/group', group)?.[2]
  return Number.isNaN(uid) ? null : { uid, gid: own === undefined ? null : Number(own) }
}

function entryOf(file: string, name: string): readonly string[] | undefined {
  try {
    const lines = readFileSync(file, 'utf8').split('\n')
    return lines.map((line) => line.split(':')).find(([first]) => first === name)
  } catch {
    return undefined // a machine without it knows nobody
  }
}
