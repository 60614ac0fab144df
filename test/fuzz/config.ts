// The reader of configurations, given files that nobody would write. It answers with a configuration or
// with problems that have a place and words, soon, and with nothing else; what it accepts survives JSON and can be
// printed. Where Python is installed, what both accept they read alike.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Problem } from '../../src/api/contract.ts'
import { foldKey, lex } from '../../src/config/lexer.ts'
import { formatProblem, loadConfig } from '../../src/config/load.ts'
import { printConfig } from '../../src/config/print.ts'
import { Findings } from '../../src/config/problems.ts'
import { rows } from '../../src/config/settings.ts'
import { PhError } from '../../src/errors.ts'
import { type Dice, dice } from '../helpers/dice.ts'
import { root } from '../helpers/scene.ts'
import { mutated } from './calls.ts'
import type { Fuzzing } from './main.ts'

const FILE = '/fuzz/config.ini'
const MOST_MS = 3_000
const BATCH = 2_000

const VALUES = [
  '1', '0', '-1', '4', 'auto', '10s', '500ms', '1e9', '64MB', '5 ; x', 'yes', 'no', 'HUP', 'always', 'a b "c d"', "'", '"', '%', '%%',
  '%(here)s', '%(a)s', '%(slot)02d', '%(ENV_HOME)s', '%(x', '/tmp/x', './y', 'é\u2028', '=', '[s]', '\t', '0,1', '10%', '10%%', 'none', 'inherit',
] as const // biome-ignore format: a list of words
const SECTIONS = [
  'DEFAULT',
  'master',
  'web',
  'program:web',
  'a.b',
  'include',
  'all',
  'group:x',
  'hosts',
  '',
  'x y',
  'ö',
  '__proto__',
  'constructor',
] as const

export async function fuzzConfig({ seed, until: end }: Fuzzing): Promise<string> {
  const d = dice(seed)
  const sample = readFileSync(path.join(root, 'config.ini'), 'utf8')
  const hasPython = spawnSync('python3', ['--version']).status === 0
  let files = 0
  let accepted = 0
  let compared = 0
  // NUL is refused where a file is read, before anybody looks at what it says.
  while (Date.now() < end) {
    const texts: string[] = []
    for (let n = 0; n < BATCH && Date.now() < end; n++) {
      const text = d.chance(30)
        ? mutated(d, Buffer.from(sample.replaceAll('\n', '\r')))
            .toString('latin1')
            .replaceAll('\r', '\n')
            .replaceAll('\0', ' ')
        : someFile(d)
      files++
      if (isAccepted(text)) accepted++
      if (lexes(text)) texts.push(text)
    }
    if (hasPython) compared += compare(texts)
    await new Promise((next) => setImmediate(next))
  }
  return `${files} files, ${accepted} accepted; ${hasPython ? `${compared} read as Python reads them` : 'Python is not installed'}`
}

function someFile(d: Dice): string {
  const all = [...rows.program, ...rows.master].filter(({ available }) => available === true)
  /** Half of all files are nearly right: what is wrong with a file hides what is wrong with its reader. */
  const isTame = d.chance(50)
  const lines: string[] = []
  for (let n = d.below(4); n >= 0; n--) {
    const name = isTame ? `web${n}` : d.pick(SECTIONS)
    lines.push(isTame || d.chance(90) ? `[${name}]` : `[${name}`)
    if (isTame || d.chance(50)) lines.push('command = sleep 1')
    for (let m = d.below(8); m > 0; m--)
      lines.push(
        isTame
          ? tameLine(d, m)
          : someLine(
              d,
              all.map((row) => row.name),
            ),
      )
  }
  return lines.join(d.chance(20) ? '\r\n' : '\n') + (d.chance(50) ? '\n' : '')
}

function tameLine(d: Dice, n: number): string {
  const row = d.pick(
    rows.program.filter(({ available, name }) => available === true && name !== 'command' && name !== 'worker'),
  )
  const lines = [
    `x_${n} = ${d.pick(VALUES).replaceAll('%', '%%')}`,
    `${row.name} = ${row.default ?? ''}`,
    `env.N${n} = %(program)s %(here)s ${d.below(100)}`,
    `# ${d.pick(VALUES)}`,
    '',
  ]
  return d.pick(lines)
}

function someLine(d: Dice, keys: readonly string[]): string {
  const key = d.chance(70)
    ? d.pick(keys)
    : d.pick(['a', 'B', 'x_mine', 'env.A', 'env.1', 'numbr_workers', '__proto__', '', '%(a)s', 'é'])
  const value = d.chance(70) ? d.pick(VALUES) : d.pick(VALUES) + d.pick(VALUES)
  switch (d.below(12)) {
    case 0:
      return `# ${value}`
    case 1:
      return `  ${value}`
    case 2:
      return ''
    case 3:
      return `${key}${value}`
    case 4:
      return `  ${key} = ${value}`
    default:
      return `${d.chance(20) ? key.toUpperCase() : key}${d.pick([' = ', '=', ' =', ' : '])}${value}`
  }
}

function isAccepted(text: string): boolean {
  const begun = performance.now()
  const accepted = reads(text)
  const took = performance.now() - begun
  if (took > MOST_MS) throw wrong(`it took ${took.toFixed()} ms`, text)
  return accepted
}

function reads(text: string): boolean {
  try {
    const config = loadConfig(FILE, {
      env: { HOME: '/root' },
      cpus: 2,
      read: (file) => (file === FILE ? { text } : { line: 0, fault: 'cannot read the file' }),
    })
    for (const { spec } of config.programs.values()) {
      if (JSON.stringify(JSON.parse(JSON.stringify(spec))) !== JSON.stringify(spec))
        throw new Error('a spec does not survive JSON')
    }
    for (const words of [printConfig(config), ...config.warnings.map(formatProblem)]) checkWords(words)
    return true
  } catch (e) {
    if (!(e instanceof PhError) || e.code !== 'PH_CONFIG')
      throw wrong(`it threw ${e instanceof Error ? e.stack : String(e)}`, text)
    const most = text.split('\n').length
    for (const { line, message } of e.data.problems as readonly Problem[]) {
      if (!Number.isInteger(line) || line < 0 || line > most)
        throw wrong(`a problem is said to be in line ${line}`, text)
      checkWords(message)
    }
    return false
  }

  function checkWords(words: string): void {
    if (/undefined|\[object|NaN|\0/.test(words.replaceAll(text, '')))
      throw wrong(`words for nobody: ${words.slice(0, 200)}`, text)
  }
}

/** Does the lexer find nothing wrong with it? */
function lexes(text: string): boolean {
  const findings = new Findings()
  const sections = lex(text, 'f', findings)
  try {
    findings.settle()
    return sections.every(({ name }) => name !== '') // which names there may be is judged later
  } catch {
    return false // refused with its reasons, which are looked at elsewhere
  }
}

const SCRIPT = `import configparser, json, re, sys
def fold(key):
  # As foldKey() does: a variable of the environment keeps its case.
  if key.startswith('ENV_'): return key
  return 'env.' + key[4:] if re.match(r'env\\.', key, re.I) else key.lower()
out = []
for case in json.load(sys.stdin):
  p = configparser.RawConfigParser(delimiters=('=',), default_section=None)
  p.optionxform = fold
  try: p.read_string(case)
  except Exception as e: out.append(str(e)); continue
  out.append({s: dict(p[s]) for s in p.sections()})
json.dump(out, sys.stdout)`

/** Python counts more characters as ends of lines, and as blanks, than an INI file means. */
const ODD = [
  '\uFEFF',
  '\u0085',
  '\u2028',
  '\u2029',
  '\u00a0',
  ...[11, 12, 28, 29, 30, 31].map((code) => String.fromCharCode(code)),
]

/** What our lexer accepts, Python reads to the same sections, keys and values. */
function compare(texts: readonly string[]): number {
  const plain = texts.filter((text) => !ODD.some((one) => text.includes(one)) && !/\r(?!\n)/.test(text))
  const run = spawnSync('python3', ['-c', SCRIPT], {
    input: JSON.stringify(plain),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  if (run.status !== 0) throw new Error(`Python could not be asked: ${run.stderr.slice(0, 500)}`)
  const theirs = JSON.parse(run.stdout) as (string | Record<string, Record<string, string>>)[]
  for (const [at, text] of plain.entries()) {
    const read = theirs[at]
    if (typeof read !== 'object') throw wrong(`Python refuses it, and we do not: ${read}`, text)
    const ours = Object.fromEntries(
      lex(text, 'f', new Findings()).map(({ name, entries }) => [
        name,
        Object.fromEntries([...entries.values()].map(({ written, value }) => [foldKey(written), squeezed(value)])),
      ]),
    )
    for (const section of Object.values(read))
      for (const key of Object.keys(section)) section[key] = squeezed(section[key] ?? '')
    if (JSON.stringify(ours) !== JSON.stringify(read)) {
      throw wrong(`Python reads ${JSON.stringify(read)}, we read ${JSON.stringify(ours)}`, text)
    }
  }
  return plain.length
}

/** Blank lines inside a value and the newline before its first line are kept differently, and mean nothing. */
const squeezed = (value: string): string => value.replace(/\n+/g, '\n').trim()

const wrong = (what: string, text: string): Error =>
  new Error(`${what}\nthe file: ${JSON.stringify(text.slice(0, 3000))}`)
