// Names on a screen of several hosts: `web1/web:0` is what the master of web1 calls `web:0`. With one master they are
// its own. Pure. A host may be written with slashes and colons, a program not: what counts stands behind the last slash.

export const named = (host: string | null, name: string): string => (host === null ? name : `${host}/${name}`)

/** Null: the only master there is. */
export function hostOf(name: string): string | null {
  const slash = name.lastIndexOf('/')
  return slash < 0 ? null : name.slice(0, slash)
}

/** What its own master calls it. */
export const ownName = (name: string): string => name.slice(name.lastIndexOf('/') + 1)

export const isProcess = (name: string): boolean => ownName(name).includes(':')

/** `web1/web` of `web1/web:0`, and of itself. */
export const programOf = (name: string): string => (isProcess(name) ? name.slice(0, name.lastIndexOf(':')) : name)

/** Of a master itself, as a log has it. */
export const isMaster = (name: string | null): boolean => name !== null && ownName(name) === 'master'
