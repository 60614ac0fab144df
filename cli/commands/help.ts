// `help` and `version`: what phctl can do, from the catalog.

import { PhError } from '../../src/errors.ts'
import { packageVersion } from '../../src/package.ts'
import { usageOf } from '../args.ts'
import { columns, type Paint } from '../format.ts'
import { type CommandName, type CommandRow, catalog, globalOptions, type Topic } from './catalog.ts'
import { type Context, OK } from './context.ts'
import { nearest } from './nearest.ts'

export async function help(ctx: Context): Promise<number> {
  const [name] = ctx.args
  if (name === undefined) {
    ctx.out.result(catalog, () => overview(ctx.out.paint))
    return OK
  }
  if (Object.hasOwn(catalog, name)) {
    const known = name as CommandName
    ctx.out.result(catalog[known], () => commandHelp(known, ctx.out.paint))
    return OK
  }
  const near = await nearest(name, Object.keys(catalog))
  const hint = near === null ? '  see: phctl help' : `  did you mean: phctl help ${near}`
  throw new PhError('PH_USAGE', `cannot help with "${name}": there is no such command\n${hint}`, { nearest: near })
}

export async function version(ctx: Context): Promise<number> {
  const own = packageVersion()
  ctx.out.result({ version: own }, () => `phctl ${own}`)
  return OK
}

const topics: Readonly<Record<Topic, string>> = {
  Look: 'Look',
  Operate: 'Operate (TARGET: web, web:2, web-*, all)',
  Configuration: 'Configuration',
  Master: 'Master',
  Other: 'Other',
}

function overview(paint: Paint): string {
  const rows = Object.entries<CommandRow>(catalog)
  const lines = ['usage: phctl [options] COMMAND', '']
  for (const [topic, title] of Object.entries(topics)) {
    const own = rows.filter(([, row]) => row.topic === topic)
    lines.push(
      paint('bold', title),
      ...columns(
        own.map(([name, row]) => [name.padEnd(8), row.meaning]),
        '  ',
      ),
      '',
    )
  }
  lines.push(paint('bold', 'Options, before or after the command'))
  lines.push(...columns(globalOptions, '  '), '')
  lines.push(paint('bold', 'Examples'))
  lines.push('  phctl status                    how is everything?')
  lines.push('  phctl reload web --timeout 1m   new code, no gap', '')
  lines.push('phctl help COMMAND tells more, and so do man phctl, man phd and man phd-config.')
  lines.push('phctl alone, on a terminal, is a prompt.')
  return lines.join('\n')
}

function commandHelp(name: CommandName, paint: Paint): string {
  const row: CommandRow = catalog[name]
  return [
    `usage: ${usageOf(name)}`,
    '',
    `${row.meaning.slice(0, 1).toUpperCase()}${row.meaning.slice(1)}.`,
    ...(row.details ?? []),
    ...(row.options === undefined ? [] : ['', paint('bold', 'Options'), ...columns(row.options, '  ')]),
    '',
    paint('bold', 'Examples'),
    ...row.examples.map((line) => `  ${line}`),
  ].join('\n')
}
