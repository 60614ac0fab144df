// `export`: what another supervisor reads, of a config.ini. All that knows their formats is fetched only here.

import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ProgramConfig } from '../../src/config/config.ts'
import { errno, messageOf, PhError } from '../../src/errors.ts'
import { packageFile } from '../../src/package.ts'
import type { Export, File, Surroundings } from '../export/plan.ts'
import { clean } from '../format.ts'
import { type Context, fileOf, OK } from './context.ts'

const kinds = ['systemd', 'kubernetes', 'compose'] as const
type Kind = (typeof kinds)[number]

export async function exportFiles(ctx: Context): Promise<number> {
  const [wanted] = ctx.args
  const kind = kinds.find((one) => one === wanted)
  if (kind === undefined)
    throw new PhError('PH_USAGE', `cannot export to "${wanted}": wanted one of ${kinds.join(', ')}`)
  const config = resolve(fileOf(ctx.globals))
  const { loadConfig } = await import('../../src/config/load.ts')
  const { programs } = loadConfig(config, { instance: ctx.globals.instance, foreground: true })
  if (programs.size === 0) throw new PhError('PH_USAGE', `cannot export ${config}: it has no programs`)
  const image = typeof ctx.options.image === 'string' ? ctx.options.image : 'app'
  const around = { config, image, node: process.execPath, phd: packageFile('dist/bin/phd.cjs') }
  const { files, losses } = await made(kind, [...programs.values()], around)
  const folder = typeof ctx.options.output === 'string' ? resolve(ctx.options.output) : null
  if (folder !== null) writeAll(folder, files, { config, force: ctx.options.force === true })
  ctx.out.result({ kind, config, folder, files, losses }, () =>
    folder === null ? printed(kind, files) : files.map(({ name }) => `written: ${join(folder, name)}`).join('\n'),
  )
  for (const { program, key, why } of losses) ctx.out.remark(clean(`[${program}] ${key}: no equal: ${why}`))
  return OK
}

async function made(kind: Kind, programs: readonly ProgramConfig[], around: Surroundings): Promise<Export> {
  switch (kind) {
    case 'systemd':
      return (await import('../export/systemd.ts')).exportSystemd(programs, around)
    case 'kubernetes':
      return (await import('../export/kubernetes.ts')).exportKubernetes(programs, around)
    case 'compose':
      return (await import('../export/compose.ts')).exportCompose(programs, around)
  }
  return kind satisfies never
}

/** One text of all files: YAML is one by itself, units have their names before them. */
function printed(kind: Kind, files: readonly File[]): string {
  if (kind !== 'systemd')
    return files
      .map(({ text }) => text)
      .join('---\n')
      .trimEnd()
  return files
    .map(({ name, text }) => `### ${name}\n${text}`)
    .join('\n')
    .trimEnd()
}

/** All of them or, where one is there already, none. Who may not read the configuration may not read them. */
function writeAll(folder: string, files: readonly File[], { config, force }: { config: string; force: boolean }): void {
  const there = files.map(({ name }) => join(folder, name)).filter((path) => existsSync(path))
  if (there.length > 0 && !force) {
    throw new PhError('PH_CONFLICT', `cannot write ${there.join(', ')}: there already; --force writes over it`)
  }
  try {
    const mode = statSync(config).mode & 0o666
    mkdirSync(folder, { recursive: true })
    for (const { name, text } of files) writeFileSync(join(folder, name), text, { mode })
  } catch (e) {
    throw new PhError(
      errno(e) === 'EACCES' ? 'PH_DENIED' : 'PH_CONFLICT',
      `cannot write into ${folder}: ${messageOf(e)}`,
    )
  }
}
