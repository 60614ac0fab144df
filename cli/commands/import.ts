// `import`: a config.ini of what another supervisor reads. All that knows their formats is fetched only here.

import { existsSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { caller } from '../../src/config/places.ts'
import { errno, messageOf, PhError } from '../../src/errors.ts'
import { clean, count } from '../format.ts'
import type { Draft, Note } from '../import/draft.ts'
import type { Kind } from '../import/guess.ts'
import { type Context, OK } from './context.ts'

export async function importFile(ctx: Context): Promise<number> {
  const source = resolve(ctx.args[0] ?? '')
  if (!existsSync(source)) throw new PhError('PH_USAGE', `cannot import ${source}: there is no such file`)
  if (statSync(source).isDirectory())
    throw new PhError('PH_USAGE', `cannot import ${source}: it is a folder; name a file of it`)
  const output = typeof ctx.options.output === 'string' ? resolve(ctx.options.output) : null
  if (output !== null && ctx.options.force !== true && existsSync(output)) {
    throw new PhError('PH_CONFLICT', `cannot write ${output}: it is there already; --force writes over it`)
  }
  const { guess, kinds } = await import('../import/guess.ts')
  const from = ctx.options.from ?? guess(source)
  const kind = kinds.find((one) => one === from)
  if (kind === undefined) {
    const what = from === null ? `cannot tell what ${source} is` : `cannot import from ${JSON.stringify(from)}`
    throw new PhError('PH_USAGE', `${what}: wanted --from ${kinds.join(', ')}`)
  }
  // What is printed is likely kept where the caller stands; paths elsewhere are written whole.
  const target = output ?? freeName(caller().cwd ?? dirname(source))
  const draft = await draftOf(kind, source, dirname(target), ctx)
  draft.head.unshift(
    `Imported from ${source} (${kind}) by phctl import.`,
    'Every key: docs/configuration.md. What differs, and what has no equal, says so above or in its place.',
  )
  const { settle } = await import('../import/settle.ts')
  const made = settle(draft, target)
  if (output !== null) write(output, made.text, source)
  const { notes } = draft
  ctx.out.result(
    { kind, source, output, config: made.text, programs: made.programs, notes, warnings: made.warnings },
    () => (output === null ? made.text.trimEnd() : `written: ${output}`),
  )
  const { formatProblem } = await import('../../src/config/load.ts')
  for (const warning of made.warnings) ctx.out.remark(`${clean(formatProblem(warning))} (warning)`)
  if (!ctx.out.json) ctx.out.remark(summary(made.programs, made.processes, notes).join('\n'))
  return OK
}

async function draftOf(kind: Kind, source: string, folder: string, ctx: Context): Promise<Draft> {
  const text = (name: string): string | null => {
    const value = ctx.options[name]
    return typeof value === 'string' ? value : null
  }
  switch (kind) {
    case 'supervisord':
      return (await import('../import/supervisord.ts')).importSupervisord(source, folder)
    case 'pm2':
      return (await import('../import/pm2.ts')).importPm2(source, folder, text('env'), ctx.out.remark)
    case 'procfile':
      return (await import('../import/procfile.ts')).importProcfile(source, folder, text('formation'))
    case 'systemd':
      return (await import('../import/systemd.ts')).importSystemd(source, folder)
  }
  return kind satisfies never
}

/** A name that no file has: the loader is shown a file that is not there yet. */
function freeName(folder: string): string {
  const plain = join(folder, 'config.ini')
  for (let at = 1, file = plain; ; at += 1) {
    if (!existsSync(file)) return file
    file = join(folder, `config.${at}.ini`)
  }
}

/** Who may not read the source may not read what was made of it. */
function write(file: string, text: string, source: string): void {
  try {
    writeFileSync(file, text, { mode: statSync(source).mode & 0o666 })
  } catch (e) {
    throw new PhError(
      errno(e) === 'EACCES' ? 'PH_DENIED' : 'PH_CONFLICT',
      `cannot write ${basename(file)}: ${messageOf(e)}`,
    )
  }
}

function summary(programs: number, processes: number, notes: readonly Note[]): readonly string[] {
  const of = (kind: Note['kind']): readonly Note[] => notes.filter((note) => note.kind === kind)
  const rows = (title: string, kind: Note['kind']): readonly string[] =>
    of(kind).length === 0 ? [] : ['', title, ...of(kind).map((note) => `  ${lineOf(note)}`)]
  return [
    `${count(programs, 'program')}, ${count(processes, 'process', 'processes')}; ${count(of('differs').length, 'difference')}, ${of('dropped').length} without an equal`,
    ...rows('Something else here:', 'differs'),
    ...rows('No equal (comments in the file):', 'dropped'),
  ]
}

function lineOf({ section, key, why, from }: Note): string {
  const place = from === null ? '' : ` (${basename(from.file)}${from.line > 0 ? `:${from.line}` : ''})`
  const where = section === null || key.startsWith('[') ? '' : `[${section}] `
  return clean(`${where}${key}: ${why}${place}`)
}
