// Sockets of systemd as what the master binds.

import type { DraftSection } from './draft.ts'
import { socketKeys } from './systemd-keys.ts'
import type { Specifiers } from './systemd-specifiers.ts'
import { allOf, lastOf, type Unit } from './unit-reader.ts'

export function setSockets(section: DraftSection, units: readonly Unit[], ini: Specifiers): void {
  const lines = units.flatMap((unit) => unit.get('Socket') ?? [])
  const value = (key: string): string | null => lastOf(lines.filter((one) => one.key === key))?.value ?? null
  const tcp: string[] = []
  const unix: string[] = []
  for (const { value: raw, ...from } of allOf(lines.filter(({ key }) => key === 'ListenStream'))) {
    const address = ini.plain(raw)
    if (address.startsWith('/')) unix.push(ini.written(address))
    else if (/^\d+$/.test(address)) tcp.push(`:${address}`)
    else if (/^(?:\[[0-9a-fA-F:.]+\]|[\d.]+):\d+$/.test(address)) tcp.push(address.replace(/^\[::\]/, ''))
    else section.drop('ListenStream', raw, socketKeys.ListenStream?.why ?? '', from)
  }
  if (tcp.length > 0) section.set('bind', tcp.join(', '))
  if (unix.length > 0) section.set('unix_socket', unix.join(', '))
  const listens = tcp.length + unix.length > 0
  const backlog = value('Backlog')
  if (listens && backlog !== null) section.set('backlog', backlog)
  const mode = value('SocketMode')
  if (unix.length > 0 && mode !== null) section.set('unix_socket_mode', mode)
  const [user, group] = [value('SocketUser'), value('SocketGroup')]
  if (unix.length > 0 && (user ?? group) !== null) {
    section.set('unix_socket_owner', group === null ? (user ?? '') : `${user ?? 'root'}:${group}`)
  }
  const taken = new Set(['ListenStream', 'Backlog', 'SocketMode', 'SocketUser', 'SocketGroup', 'Service'])
  for (const { key, value: raw, ...from } of lines) {
    if (!taken.has(key) && raw !== '')
      section.drop(key, raw, socketKeys[key]?.why ?? 'the master has no such option', from)
  }
}
