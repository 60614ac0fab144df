// The rules of the house, asserted from its source text: floors, doors, circles, clocks, names. A rule
// that nothing tests is a wish; when a rule changes, it changes here.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSources, type Source, withoutComments } from './helpers/sources.ts'

const sources = readSources()
const byPath = new Map(sources.map((s) => [s.path, s]))

/** src/core, cli, or the file itself where it stands alone below src/ or has a floor of its own. */
function roomOf(path: string): string {
  if (path in floors) return path
  if (path.startsWith('cli/')) return 'cli'
  const [, room, file] = path.split('/')
  return file === undefined ? `${room}` : `src/${room}`
}

const floors: Readonly<Record<string, number>> = {
  'access.ts': 4,
  'errors.ts': 0,
  'package.ts': 0,
  'json-rpc.ts': 0.5,
  'schedule.ts': 1.5,
  /** Types alone: the words that both ends of the socket share. */
  'src/api/contract.ts': 1,
  'src/core': 1,
  'src/worker': 1,
  'src/api': 2,
  'src/config': 2,
  'src/os': 2,
  'src/supervisor': 2,
  'src/control': 3,
  cli: 3,
  'arguments.ts': 4,
  'early.ts': 4,
  'ending.ts': 4,
  'ground.ts': 4,
  'inheritance.ts': 4,
  'leases.ts': 4,
  'machine.ts': 4,
  'signal-actions.ts': 4,
  'upgrade.ts': 4,
  'web.ts': 4,
  'master.ts': 4,
  'run-bundle.ts': 4,
  'main.ts': 4,
}

/** Rooms that see less than all lower floors: what each may import besides itself. */
const doors: Readonly<Record<string, readonly string[]>> = {
  'src/core': [],
  'src/worker': ['errors.ts', 'json-rpc.ts', 'package.ts'],
  'src/api': ['errors.ts', 'src/api/contract.ts'],
  'src/api/contract.ts': [],
  'src/supervisor': ['errors.ts', 'src/core', 'src/worker/protocol.ts'],
  'src/control': [
    'errors.ts',
    'json-rpc.ts',
    'src/api',
    'src/api/contract.ts',
    'src/config',
    'src/core',
    'src/supervisor',
  ],
  cli: ['errors.ts', 'package.ts', 'src/api', 'src/api/contract.ts', 'src/config'],
}

/** Within os/ a file is one thing of the system; these few are made of others, and only these. */
const osParts: Readonly<Record<string, readonly string[]>> = {
  'accounts.ts': ['libc-accounts.ts'],
  'abilities.ts': ['libc-pidfd.ts', 'proc.ts'],
  'activation.ts': ['libc-io.ts', 'libc-socket.ts'],
  'adopted.ts': ['epoll-news.ts', 'libc-pidfd.ts', 'proc.ts', 'reaper.ts'],
  'cgroup-files.ts': ['proc.ts'],
  'cgroups.ts': ['cgroup-files.ts', 'cgroup-place.ts', 'proc.ts'],
  'daemon.ts': ['libc.ts', 'libc-io.ts'],
  'epoll-news.ts': ['libc-io.ts'],
  'errands.ts': ['libc.ts', 'reaper.ts'],
  'fifo.ts': ['libc-io.ts'],
  'foreign-sockets.ts': ['libc-pidfd.ts', 'libc-socket.ts'],
  'former-holder.ts': ['libc-pidfd.ts', 'proc.ts', 'record-file.ts', 'single-lock-file.ts'],
  'fuse.ts': ['folders.ts', 'libc.ts', 'proc.ts'],
  'handover.ts': ['libc.ts', 'libc-io.ts'],
  'herald-files.ts': ['fifo.ts', 'libc-io.ts', 'libc-notify.ts', 'proc.ts'],
  'heralds.ts': [
    'epoll-news.ts',
    'folders.ts',
    'herald-files.ts',
    'libc-io.ts',
    'libc-notify.ts',
    'notify-words.ts',
    'proc.ts',
  ],
  'identity.ts': ['accounts.ts', 'libc.ts', 'proc.ts'],
  'kin.ts': ['adopted.ts', 'proc.ts'],
  'libc-notify.ts': ['libc.ts', 'libc-socket.ts'],
  'probes.ts': ['reaper.ts'],
  'libc-accounts.ts': ['libc.ts'],
  'libc-credentials.ts': ['libc.ts'],
  'libc-io.ts': ['libc.ts'],
  'libc-pidfd.ts': ['libc.ts'],
  'libc-socket.ts': ['libc.ts'],
  'listeners.ts': ['foreign-sockets.ts', 'libc-socket.ts', 'unix-path.ts'],
  'lock.ts': ['folders.ts', 'libc-io.ts'],
  'log-file.ts': ['begun-line.ts', 'libc-io.ts', 'log-growth.ts', 'log-open.ts', 'log-trouble.ts', 'rotation.ts'],
  'log-files.ts': ['log-file.ts', 'log-growth.ts', 'log-open.ts', 'log-stdout.ts', 'log-trouble.ts', 'rotation.ts'],
  'log-follow.ts': ['log-reader.ts', 'rotation.ts'],
  'log-open.ts': ['libc-io.ts'],
  'log-reader.ts': ['rotation.ts'],
  'log-stdout.ts': ['begun-line.ts', 'log-file.ts', 'log-trouble.ts'],
  'output.ts': [
    'captured.ts',
    'ended-streams.ts',
    'fifo.ts',
    'folders.ts',
    'heard.ts',
    'last-writers.ts',
    'libc-io.ts',
    'log-files.ts',
    'log-growth.ts',
    'log-trouble.ts',
    'pump.ts',
    'stream-tools.ts',
    'stream.ts',
  ],
  'overflow.ts': ['libc-io.ts', 'line-format.ts', 'log-file.ts', 'pump.ts', 'stream-tools.ts'],
  'pump.ts': ['libc-io.ts'],
  'reaper.ts': ['libc.ts'],
  'notifier.ts': ['libc-socket.ts'],
  'single-lock-file.ts': ['libc-io.ts', 'proc.ts'],
  'single-lock.ts': ['folders.ts', 'former-holder.ts', 'single-lock-file.ts'],
  'spawner.ts': ['identity.ts', 'libc.ts', 'libc-credentials.ts', 'proc.ts'],
  'record-file.ts': ['proc.ts'],
  'store.ts': ['proc.ts', 'record-file.ts'],
  'survivors.ts': ['proc.ts'],
  'workers.ts': ['worker-words.ts'],
  'unix-path.ts': ['accounts.ts', 'libc-socket.ts'],
  'stream-tools.ts': ['libc-io.ts'],
  'stream.ts': ['libc-io.ts', 'line-format.ts', 'log-file.ts', 'overflow.ts', 'pump.ts', 'stream-tools.ts'],
  'usage.ts': ['libc-io.ts', 'proc.ts'],
}

/** Longer than a room of thought should be, and why it may. */
const long: Readonly<Record<string, { readonly most: number; readonly why: string }>> = {
  'src/api/contract.ts': {
    most: 480,
    why: 'one contract on one page: server, client and documentation derive from it',
  },
  'cli/commands/catalog.ts': { most: 400, why: 'one table: what each command is, and nothing else' },
}
const LONGEST = 250

/** What of the sources breaks a rule, each as `path: complaint`. */
function complaints(rule: (s: Source) => readonly string[]): string[] {
  return sources.flatMap((s) => rule(s).map((complaint) => `${s.path}: ${complaint}`))
}

const none = (found: readonly string[]): void => assert.deepEqual(found, [])

test('the reading of the sources itself: every import is found, and is a file', () => {
  assert.ok(sources.length > 80, `only ${sources.length} files were found`)
  assert.ok(byPath.get('src/core/instance.ts')?.imports.includes('src/core/state.ts'))
  assert.ok(byPath.get('src/os/libc.ts')?.packages.includes('koffi'))
  none(complaints((s) => s.imports.filter((i) => !byPath.has(i)).map((i) => `${i} is no file`)))
  assert.equal(withoutComments("a // b\n'//c' /* d */ e"), "a \n'//c'  e")
})

test('every file stands on a floor, and imports its own room or a lower floor', () => {
  none(complaints(({ path }) => (roomOf(path) in floors ? [] : ['is on no floor'])))
  none(
    complaints(({ path, imports }) => {
      const here = roomOf(path)
      return imports.filter((i) => {
        const there = roomOf(i)
        const isLower = (floors[there] ?? 9) < (floors[here] ?? 9)
        return there !== here && !isLower && !(floors[here] === 4 && floors[there] === 4)
      })
    }),
  )
})

test('rooms see only what their door leads to', () => {
  none(
    complaints(({ path, imports }) => {
      const here = roomOf(path)
      const door = doors[here]
      if (!door) return []
      return imports.filter((i) => roomOf(i) !== here && !door.includes(i) && !door.includes(roomOf(i)))
    }),
  )
})

test('files of os/ import each other only as listed; each line of the list is needed', () => {
  const inOs = sources.filter((s) => roomOf(s.path) === 'src/os')
  const edges = (s: Source): string[] =>
    s.imports
      .filter((i) => roomOf(i) === 'src/os')
      .map((i) => i.slice(7))
      .sort()
  for (const s of inOs) assert.deepEqual(edges(s), [...(osParts[s.path.slice(7)] ?? [])].sort(), s.path)
  for (const file of Object.keys(osParts)) assert.ok(byPath.has(`src/os/${file}`), `${file} is gone`)
})

test('no import runs in a circle, types included', () => {
  const seen = new Set<string>()
  const circles: string[] = []
  const walk = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
    if (trail.includes(path) || seen.has(path)) return
    for (const next of byPath.get(path)?.imports ?? []) walk(next, [...trail, path])
    seen.add(path)
  }
  for (const { path } of sources) walk(path, [])
  none(circles)
})

test('one door to each dangerous thing', () => {
  const users = (has: (s: Source) => boolean): string[] => sources.filter(has).map((s) => s.path)
  const imports = (name: string): string[] =>
    users((s) => s.packages.some((p) => p === name || p.startsWith(`${name}/`)))
  assert.deepEqual(imports('koffi').sort(), ['src/os/libc.ts', 'src/worker/duplicate.ts'])
  assert.deepEqual(imports('ini'), ['src/config/lexer.ts'])
  assert.deepEqual(imports('prom-client'), ['src/control/exposition.ts', 'src/control/prom-client.d.ts'])
  assert.deepEqual(imports('croner'), ['src/schedule.ts'])
  assert.deepEqual(imports('chokidar'), ['src/os/files.ts'])
  assert.deepEqual(imports('blessed').sort(), ['cli/top/curves.ts', 'cli/top/terminal.ts'])
  assert.deepEqual(
    users((s) => s.code.includes("'blessed-contrib")),
    ['cli/top/curves.ts'],
  )
  const exits = users((s) => /\bprocess\s*\.\s*(exit|reallyExit|abort)\b(?!Code)/.test(s.code))
  assert.deepEqual(exits.sort(), ['cli/main.ts', 'src/ground.ts', 'src/main.ts', 'src/worker/boot.ts'])
  none(users((s) => s.path.startsWith('src/') && /\bchild_process\b/.test(s.code)))
})

test('core is pure: it imports nothing but core', () => {
  none(complaints((s) => (roomOf(s.path) === 'src/core' ? s.packages : [])))
  none(
    complaints((s) =>
      roomOf(s.path) === 'src/core' && /\bprocess\.|\bglobalThis\b|\bMath\.random\b/.test(s.code)
        ? ['looks outside']
        : [],
    ),
  )
})

test('core, supervisor and control read no clock but through the port', () => {
  const clock = /\bDate\.now\b|\bperformance\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bhrtime\b|\bset(Timeout|Interval)\b/g
  const rooms = new Set(['src/core', 'src/supervisor', 'src/control'])
  none(complaints((s) => (rooms.has(roomOf(s.path)) ? [...s.code.matchAll(clock)].map((m) => m[0]) : [])))
})

test('every file opens with a comment', () => {
  none(complaints((s) => (/^(#![^\n]*\n\s*)?(\/\/|\/\*)/.test(s.text) ? [] : ['says not what it is'])))
})

test('no file has two subjects', () => {
  const length = ({ text }: Source): number => text.trimEnd().split('\n').length
  none(
    complaints((s) => {
      const most = long[s.path]?.most ?? LONGEST
      return length(s) > most ? [`${length(s)} lines, at most ${most}`] : []
    }),
  )
  for (const path of Object.keys(long)) {
    const source = byPath.get(path)
    assert.ok(source && length(source) > LONGEST, `${path} needs no place in the list`)
  }
})

test('named exports only, no any, no name that says nothing', () => {
  none(complaints((s) => (/^export default\b/m.test(s.code) ? ['a default export'] : [])))
  none(complaints((s) => (/[:<,|&(]\s*any\b(?!\s*(?:\w|['"]))|\bas any\b/.test(s.code) ? ['any'] : [])))
  const banned = /\b\w*(?:Manager|Utils?|Common|Helper|God)(?![a-z])\w*/g
  const strings = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g
  none(complaints((s) => [...s.code.replace(strings, "''").matchAll(banned)].map((m) => m[0])))
  none(complaints((s) => (/(manager|utils?|common|helpers?)\.ts$/i.test(s.path) ? ['a name that says nothing'] : [])))
})

test('nothing is left for later', () => {
  none(complaints((s) => [...s.text.matchAll(/\b(TODO|FIXME|XXX|HACK)\b/g)].map((m) => m[0])))
})
