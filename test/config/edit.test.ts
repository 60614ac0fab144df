// A count goes into the file: the one line, and not a byte more; or nothing at all.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { diffConfigs } from '../../src/config/diff.ts'
import { afterSave, type SavedCount, saveCount } from '../../src/config/edit.ts'
import { type Config, loadConfig } from '../../src/config/load.ts'
import { replaceFile } from '../../src/config/replace-file.ts'
import { PhError } from '../../src/errors.ts'
import { folder } from './support.ts'

const options = { env: {}, cpus: 4 }
const load = (file: string): Config => loadConfig(file, options)
const save = (file: string, count: number, program = 'web'): SavedCount => saveCount(file, program, count, options)
const countIn = (config: Config, program = 'web'): number | undefined => config.programs.get(program)?.spec.workers
/** No draft is left. */
const clean = (dir: string): void =>
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.startsWith('.')),
    [],
  )

function refuses(act: () => unknown, code: string, message: RegExp, data: Record<string, unknown> = {}): void {
  assert.throws(act, (e) => {
    assert.ok(e instanceof PhError, String(e))
    assert.equal(e.code, code)
    assert.match(e.message, message)
    for (const [key, value] of Object.entries(data)) assert.equal(e.data[key], value)
    return true
  })
}

/** Before, after, the line, and what stood there. The count is 8. */
const rows: readonly (readonly [before: string, after: string, line: number, replaced: string | null])[] = [
  ['[web]\nnumber_workers = 2\ncommand = x\n', '[web]\nnumber_workers = 8\ncommand = x\n', 2, '2'],
  ['[web]\ncommand = x\n', '[web]\nnumber_workers = 8\ncommand = x\n', 2, null],
  ['[program:web]\ncommand = x\n', '[program:web]\nnumber_workers = 8\ncommand = x\n', 2, null],
  ['[web]\ncommand = x\nnumber_workers = 2', '[web]\ncommand = x\nnumber_workers = 8', 3, '2'],
  ['[web]\ncommand=x\nnumber_workers=2\n', '[web]\ncommand=x\nnumber_workers=8\n', 3, '2'],
  ['[web]\ncommand = x\nNumProcs\t =   2 \t\n', '[web]\ncommand = x\nNumProcs\t =   8 \t\n', 3, '2'],
  ['[web]\nnumber_workers = auto\ncommand = x\n', '[web]\nnumber_workers = 8\ncommand = x\n', 2, 'auto'],
  ['[web]\nnumber_workers = 08\ncommand = x\n', '[web]\nnumber_workers = 8\ncommand = x\n', 2, '08'],
  ['[web]\nnumber_workers = 8\ncommand = x\n', '[web]\nnumber_workers = 8\ncommand = x\n', 2, '8'],
  ['[web]\nnumber_workers =\ncommand = x\n', '[web]\nnumber_workers = 8\ncommand = x\n', 2, null],
  ['[web]\nnumber_workers=\ncommand = x\n', '[web]\nnumber_workers=8\ncommand = x\n', 2, null],
  ['[web]\nnumber_workers =  \ncommand = x\n', '[web]\nnumber_workers =  8\ncommand = x\n', 2, null],
  // the value may stand below its key, with blanks and comments before and after
  [
    '[web]\nnumber_workers =\n\n ; c\n\t 2 \ncommand = x\n',
    '[web]\nnumber_workers =\n\n ; c\n\t 8 \ncommand = x\n',
    5,
    '2',
  ],
  [
    '[web]\nnumber_workers = 2\n\n  # = 3\n\ncommand = x\n',
    '[web]\nnumber_workers = 8\n\n  # = 3\n\ncommand = x\n',
    2,
    '2',
  ],
  // what another section, a comment or [DEFAULT] says stays
  [
    '[a]\nnumber_workers = 2\ncommand = x\n[web]\n# number_workers = 3\ncommand = x\n[b]\nnumber_workers = 4\ncommand = x\n',
    '[a]\nnumber_workers = 2\ncommand = x\n[web]\nnumber_workers = 8\n# number_workers = 3\ncommand = x\n[b]\nnumber_workers = 4\ncommand = x\n',
    5,
    null,
  ],
  [
    '[DEFAULT]\nnumprocs = 3\n[web]\ncommand = x\n',
    '[DEFAULT]\nnumprocs = 3\n[web]\nnumber_workers = 8\ncommand = x\n',
    4,
    null,
  ],
  [
    '[DEFAULT]\nn = 3\n[web]\nnumber_workers = %(n)s\ncommand = x\n',
    '[DEFAULT]\nn = 3\n[web]\nnumber_workers = 8\ncommand = x\n',
    4,
    '%(n)s',
  ],
  // ends of lines, marks, and no end at all
  ['\ufeff[web]\r\ncommand = x\r\n', '\ufeff[web]\r\nnumber_workers = 8\r\ncommand = x\r\n', 2, null],
  ['[web]\r\nnumber_workers = 2 \r\ncommand = x\r\n', '[web]\r\nnumber_workers = 8 \r\ncommand = x\r\n', 2, '2'],
  ['[web]\r\nnumber_workers =\r\ncommand = x', '[web]\r\nnumber_workers = 8\r\ncommand = x', 2, null],
  ['[DEFAULT]\ncommand = x\n[web]', '[DEFAULT]\ncommand = x\n[web]\nnumber_workers = 8', 4, null],
  ['[DEFAULT]\r\ncommand = x\r\n[web] ', '[DEFAULT]\r\ncommand = x\r\n[web] \r\nnumber_workers = 8', 4, null],
  ['[DEFAULT]\ncommand = x\n[web]\r', '[DEFAULT]\ncommand = x\n[web]\r\nnumber_workers = 8', 4, null],
  ['[DEFAULT]\r\ncommand = x\n[web]\n', '[DEFAULT]\r\ncommand = x\n[web]\nnumber_workers = 8\n', 4, null],
  ['[web]\ncommand = é\u2028 $& $1\nnumber_workers = 2', '[web]\ncommand = é\u2028 $& $1\nnumber_workers = 8', 3, '2'],
]

test('one line is another, byte for byte', (t) => {
  for (const [before, after, line, replaced] of rows) {
    const dir = folder(t, { 'config.ini': before })
    const file = path.join(dir, 'config.ini')
    const saved = save(file, 8)
    assert.equal(readFileSync(file, 'utf8'), after)
    assert.deepEqual({ ...saved, config: null }, { file, line, replaced, config: null }, before)
    assert.equal(countIn(load(file)), 8)
    assert.equal(countIn(saved.config), 8)
    clean(dir)
  }
})

test('0 and the largest count can be saved, and what is no count any more is refused', (t) => {
  const file = path.join(folder(t, { 'config.ini': '[web]\ncommand = x\n' }), 'config.ini')
  for (const count of [0, 10_000]) {
    save(file, count)
    assert.equal(countIn(load(file)), count)
  }
  refuses(() => save(file, 10_001), 'PH_CONFIG', /number_workers: cannot be "10001"/)
  assert.equal(countIn(load(file)), 10_000)
})

test('an included file is edited where the section stands in one', (t) => {
  const main = '[include]\nfiles = conf.d/*.ini\n[DEFAULT]\nnumber_workers = 2\n'
  const dir = folder(t, {
    'config.ini': main,
    'conf.d/a.ini': '[a]\nnumber_workers = 3\ncommand = x\n',
    'conf.d/web.ini': '# web\n[web]\ncommand = x\n',
  })
  const saved = save(path.join(dir, 'config.ini'), 5)
  assert.equal(saved.file, path.join(dir, 'conf.d/web.ini'))
  assert.equal(readFileSync(saved.file, 'utf8'), '# web\n[web]\nnumber_workers = 5\ncommand = x\n')
  assert.equal(readFileSync(path.join(dir, 'config.ini'), 'utf8'), main)
  assert.equal(readFileSync(path.join(dir, 'conf.d/a.ini'), 'utf8'), '[a]\nnumber_workers = 3\ncommand = x\n')
  clean(path.join(dir, 'conf.d'))
})

test('through symbolic links the real file is edited, and the links stay', (t) => {
  const dir = folder(t, { 'real/there.ini': '[web]\nnumber_workers = 2\ncommand = x\n', 'etc/x': '' })
  symlinkSync('../real/there.ini', path.join(dir, 'etc/middle.ini'))
  symlinkSync('etc/middle.ini', path.join(dir, 'config.ini'))
  const saved = save(path.join(dir, 'config.ini'), 5)
  assert.equal(saved.file, path.join(dir, 'real/there.ini'))
  assert.equal(readlinkSync(path.join(dir, 'config.ini')), 'etc/middle.ini')
  assert.ok(lstatSync(path.join(dir, 'etc/middle.ini')).isSymbolicLink())
  assert.equal(readFileSync(saved.file, 'utf8'), '[web]\nnumber_workers = 5\ncommand = x\n')
  for (const name of ['real', 'etc', '.']) clean(path.join(dir, name))
})

const root = process.getuid?.() === 0

test('mode and owner are kept', (t) => {
  const file = path.join(folder(t, { 'config.ini': '[web]\ncommand = x\n' }), 'config.ini')
  for (const mode of [0o600, 0o640, 0o664, 0o666, 0o4755]) {
    if (root) chownSync(file, 1234, 2345)
    chmodSync(file, mode)
    const before = statSync(file)
    save(file, mode % 100)
    const after = statSync(file)
    assert.equal(countIn(load(file)), mode % 100)
    assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid])
    if (root) assert.deepEqual([after.uid, after.gid], [1234, 2345])
  }
})

test('what already says so is not written', (t) => {
  const file = path.join(folder(t, { 'config.ini': '[web]\ncommand = x\nnumber_workers = 3\n' }), 'config.ini')
  const { ino, mtimeMs } = statSync(file)
  assert.equal(save(file, 3).line, 3)
  assert.deepEqual([statSync(file).ino, statSync(file).mtimeMs], [ino, mtimeMs])
})

test('files that are not right, or have no such section, are left alone', (t) => {
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['[web]\ncommand = x\nnumber_workers = 2\n  3\n', 'PH_CONFIG', /config\.ini:3: \[web\] number_workers: cannot be/],
    ['[web]\ncommand = x\nnumber_workers = 2 ; two\n', 'PH_CONFIG', /config\.ini:3: \[web\] number_workers: cannot be/],
    ['[web]\ncommand = x\n[api]\nno_such_key = 1\n', 'PH_CONFIG', /config\.ini:4: \[api\] no_such_key/],
    ['[web]\ncommand = x\nnumprocs = 1\nnumber_workers = 1\n', 'PH_CONFIG', /config\.ini:4: .*cannot stand twice/],
    ['[api]\ncommand = x\n', 'PH_CONFLICT', /cannot save the count of "web": .*no such section/],
  ]
  for (const [text, code, message] of wrong) {
    const dir = folder(t, { 'config.ini': text })
    refuses(() => save(path.join(dir, 'config.ini'), 5), code, message)
    assert.equal(readFileSync(path.join(dir, 'config.ini'), 'utf8'), text)
    clean(dir)
  }
})

test('a file that somebody else writes meanwhile is left alone', (t) => {
  const dir = folder(t, { f: 'theirs' })
  refuses(() => replaceFile(path.join(dir, 'f'), 'what we read', 'ours'), 'PH_CONFLICT', /somebody else/)
  assert.equal(readFileSync(path.join(dir, 'f'), 'utf8'), 'theirs')
  clean(dir)
})

test('what is in the way of writing is told by name, and the file is as it was', (t) => {
  const dir = folder(t, { 'd/inside': '' })
  refuses(() => replaceFile(path.join(dir, 'gone'), '', 'x'), 'PH_FAILED', /cannot write .*gone: .*ENOENT/, {
    reason: 'ENOENT',
  })
  refuses(() => replaceFile(path.join(dir, 'd'), '', 'x'), 'PH_FAILED', /cannot .*\/d: .*EISDIR/, { reason: 'EISDIR' })
  clean(dir)
})

/** Saves as an ordinary user; null = done, else the error. */
function asNobody(file: string): { code: string; message: string; data: Record<string, unknown> } | null {
  const module = new URL('../../src/config/edit.js', import.meta.url).href
  const script = `import { saveCount } from ${JSON.stringify(module)}
    try { saveCount(${JSON.stringify(file)}, 'web', 5); console.log('null') }
    catch (e) { console.log(JSON.stringify({ code: e.code, message: e.message, data: e.data })) }`
  const words = [process.execPath, '--input-type=module', '-e', script]
  const [word = '', ...rest] = root ? [...nobody, ...words] : words
  const ran = spawnSync(word, rest, { encoding: 'utf8', cwd: '/' })
  assert.equal(ran.status, 0, ran.stderr)
  return JSON.parse(ran.stdout) as ReturnType<typeof asNobody>
}

const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']

function whyNotNobody(): string | false {
  if (!root) return false
  const own = new URL('../../src/config/edit.js', import.meta.url).pathname
  const ran = spawnSync(nobody[0] ?? '', [...nobody.slice(1), 'test', '-r', own])
  return ran.status === 0 ? false : 'needs setpriv, and files that nobody may read'
}

test('an ordinary user: what may not be written is not', { skip: whyNotNobody() }, (t: TestContext) => {
  const text = '[web]\ncommand = x\n'
  const scene = (): { dir: string; file: string } => {
    const dir = folder(t, { 'config.ini': text })
    const file = path.join(dir, 'config.ini')
    if (root) for (const each of [dir, file]) chownSync(each, 65534, 65534)
    return { dir, file }
  }
  const refused = ({ dir, file }: ReturnType<typeof scene>, message: RegExp, reason: string): void => {
    const error = asNobody(file)
    assert.equal(error?.code, 'PH_FAILED')
    assert.match(error.message, message)
    assert.equal(error.data.reason, reason)
    assert.equal(readFileSync(file, 'utf8'), text)
    clean(dir)
  }
  const fine = scene()
  assert.equal(asNobody(fine.file), null)
  assert.equal(countIn(load(fine.file)), 5)

  const file = scene()
  chmodSync(file.file, 0o444)
  refused(file, /cannot write .*config\.ini: permission denied \(EACCES\)/, 'EACCES')

  const closed = scene()
  chmodSync(closed.dir, 0o555)
  refused(closed, /cannot write in .*: permission denied \(EACCES\)/, 'EACCES')
  chmodSync(closed.dir, 0o755)

  if (!root) return
  const theirs = scene()
  chownSync(theirs.file, 0, 0)
  chmodSync(theirs.file, 0o666)
  refused(theirs, /cannot keep mode and owner of .*config\.ini: not permitted \(EPERM\)/, 'EPERM')
})

test('a value that uses the count changes with it, and stays a difference', (t) => {
  const text = '[web]\ncommand = x --n %(number_workers)s\nnumber_workers = 2\n'
  const file = path.join(folder(t, { 'config.ini': text }), 'config.ini')
  const before = load(file)
  const force = afterSave(before, save(file, 3).config, 'web')
  assert.equal(countIn(force), 3)
  assert.deepEqual(diffConfigs(force, load(file)).changed, [{ program: 'web', keys: ['command'], effect: 'reload' }])
})

test("other hands' edits are kept, and stay a difference", (t) => {
  const text = '[master]\n[api]\ncommand = x\n[web]\ncommand = x\nstop_signal = INT\n'
  const file = path.join(folder(t, { 'config.ini': text }), 'config.ini')
  const before = load(file)
  writeFileSync(`${file}.new`, '# new\n[web]\ncommand = y\nnumprocs = 7\nstop_signal = INT\n[other]\ncommand = x\n')
  renameSync(`${file}.new`, file)
  const saved = save(file, 4)
  assert.equal(
    readFileSync(file, 'utf8'),
    '# new\n[web]\ncommand = y\nnumprocs = 4\nstop_signal = INT\n[other]\ncommand = x\n',
  )
  const force = afterSave(before, saved.config, 'web')
  assert.deepEqual(diffConfigs(force, load(file)), {
    added: ['other'],
    changed: [{ program: 'web', keys: ['command'], effect: 'reload' }],
    removed: ['api'],
    unchanged: [],
    master: [],
  })
  const places = new Map(force.programs.get('web')?.settings.map(({ key, origin }) => [key, origin?.line]))
  assert.deepEqual(
    ['number_workers', 'stop_signal', 'command'].map((key) => places.get(key)),
    [4, 5, 5],
  )
})

// any file ----------------------------------------------------------------------------------------

interface Line {
  readonly text: string
  /** What it is after the save, when that differs; two lines where one comes in. */
  readonly after?: readonly string[]
}

const noise = fc.constantFrom('', '  ', '# number_workers = 3', '; [web]', '  # in', '\t; in')
const quiet = fc.array(noise, { maxLength: 2 }).map((texts): Line[] => texts.map((text) => ({ text })))
const equals = fc.constantFrom('=', ' = ', '\t=  ', ' =')
const other = fc.oneof(
  fc.constantFrom('start_seconds = 2', 'x_note = a=b ; c', 'x_long = a\n  b\n\n  number_workers = 9', 'env.A = 1'),
  fc.integer({ min: 0, max: 99 }).map((n) => `Stop_Signal = ${(n % 15) + 1}`),
)
const others = fc
  .uniqueArray(other, { maxLength: 3, selector: (text) => text.slice(0, 5).toLowerCase() })
  .chain((texts) =>
    fc.tuple(...texts.map((text) => quiet.map((q) => [...text.split('\n').map((l) => ({ text: l })), ...q]))),
  )
  .map((blocks) => blocks.flat())
const runs = fc.constantFrom('command = x y', 'worker = w')

/** The wanted section: its own number in one of its forms, or none. */
const wanted = (count: number): fc.Arbitrary<Line[]> =>
  fc
    .record({
      header: fc.constantFrom('[web]', '[program:web]', '[web] '),
      run: runs,
      above: others,
      key: fc.constantFrom('number_workers', 'numprocs', 'Number_Workers', 'NUMPROCS'),
      eq: equals,
      value: fc.constantFrom('1', '12', 'auto', '%(n)s', '007', ''),
      blank: fc.constantFrom('', ' ', '\t'),
      form: fc.constantFrom('none', 'line', 'continued'),
      quiet,
      more: quiet,
    })
    .map(({ header, run, above, key, eq, value, blank, form, quiet: q, more }): Line[] => {
      const rest: Line[] = [{ text: run }, ...above]
      if (form === 'none') return [{ text: header, after: [header, `number_workers = ${count}`] }, ...q, ...rest]
      if (form === 'continued' && value !== '') {
        const own: Line[] = [
          { text: `${key}${eq}` },
          ...q,
          { text: ` \t${value}${blank}`, after: [` \t${count}${blank}`] },
        ]
        return [{ text: header }, ...own, ...more, ...rest]
      }
      const filled = eq === ' =' ? ' = ' : eq
      const own = {
        text: `${key}${eq}${value}${blank}`,
        after: [`${key}${eq}${count}${blank}`],
      }
      // An empty value stands off the = as its key does.
      if (value === '')
        return [{ text: header }, ...rest, { text: `${key}${eq}`, after: [`${key}${filled}${count}`] }, ...q]
      return [{ text: header }, ...q, ...rest, own, ...more]
    })

const section = (name: string): fc.Arbitrary<Line[]> =>
  fc
    .tuple(runs, others, quiet, fc.constantFrom('number_workers = 2', 'numprocs=auto', '# none'))
    .map(([run, lines, q, own]) => [{ text: `[${name}]` }, ...q, { text: run }, { text: own }, ...lines])

const files = fc.integer({ min: 0, max: 10_000 }).chain((count) =>
  fc.record({
    count: fc.constant(count),
    defaults: fc.tuple(quiet, fc.constantFrom('number_workers = 6', 'numprocs = 5', 'x_none = 1')),
    before: fc.option(section('a'), { nil: [] }),
    web: wanted(count),
    after: fc.option(section('b'), { nil: [] }),
    crlf: fc.boolean(),
    bom: fc.boolean(),
    end: fc.boolean(),
  }),
)

test('any file: the wanted line differs and nothing else, and so does what it means', (t) => {
  const dir = folder(t, { 'w.js': '' })
  const file = path.join(dir, 'config.ini')
  fc.assert(
    fc.property(files, ({ count, defaults: [q, own], before, web, after, crlf, bom, end }) => {
      const head: Line[] = [{ text: '[DEFAULT]' }, { text: 'n = 3' }, { text: own }, ...q]
      const lines = [...head, ...before, ...web, ...after]
      const text = (all: readonly string[]): string =>
        (bom ? '\ufeff' : '') + all.join(crlf ? '\r\n' : '\n') + (end ? (crlf ? '\r\n' : '\n') : '')
      writeFileSync(file, text(lines.map((line) => line.text)))
      const was = load(file)
      const saved = save(file, count)
      assert.equal(readFileSync(file, 'utf8'), text(lines.flatMap((line) => line.after ?? [line.text])))

      const is = load(file)
      assert.equal(countIn(is), count)
      assert.ok(readFileSync(file, 'utf8').split('\n')[saved.line - 1]?.includes(String(count)))
      const diff = diffConfigs(was, is)
      const changed = countIn(was) === count ? [] : [{ program: 'web', keys: ['number_workers'], effect: 'live' }]
      assert.deepEqual([diff.added, diff.removed, diff.master, diff.changed], [[], [], [], changed])
      for (const [name, { spec }] of was.programs) {
        if (name !== 'web') assert.deepEqual(is.programs.get(name)?.spec, spec)
      }
      // What is then in force is what a fresh look at the file says, to the last place.
      const force = afterSave(was, saved.config, 'web')
      assert.deepEqual({ ...force, warnings: [] }, { ...is, warnings: [] })
    }),
    { numRuns: 150 },
  )
  accessSync(file, constants.R_OK)
  clean(dir)
})
