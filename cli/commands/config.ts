// Commands about configuration: check (here, without a master), show, reread, update. The loader of
// configurations is fetched only by check.

import type { ConfigDiff, Effect, Problem, Shown } from '../../src/api/contract.ts'
import { PhError } from '../../src/errors.ts'
import { clean, columns, count, type Paint, shellWord } from '../format.ts'
import { withProgress } from '../screen.ts'
import { BAD_CONFIG, type Context, fileOf, master, OK, targetOf } from './context.ts'
import { exitOf, progressOf, wordsOf } from './operate.ts'

export async function check(ctx: Context): Promise<number> {
  const { loadConfig, formatProblem } = await import('../../src/config/load.ts')
  const file = ctx.args[0] ?? fileOf(ctx.globals)
  const words = (list: readonly Problem[]): string[] => list.map((p) => clean(formatProblem(p)))
  try {
    const { programs, warnings } = loadConfig(file, { instance: ctx.globals.instance })
    const processes = [...programs.values()].reduce((sum, p) => sum + p.spec.workers, 0)
    for (const line of words(warnings)) ctx.out.remark(`${line} (warning)`)
    ctx.out.result(
      { ok: true, file, programs: programs.size, processes, warnings },
      () => `${file}: ok (${count(programs.size, 'program')}, ${count(processes, 'process', 'processes')})`,
    )
    return OK
  } catch (e) {
    const problems = e instanceof PhError && e.code === 'PH_CONFIG' ? e.data.problems : undefined
    if (!Array.isArray(problems) || ctx.out.json) throw e
    const lines = words(problems as readonly Problem[])
    ctx.out.result(null, () => [...lines, count(lines.length, 'problem')].join('\n'))
    return BAD_CONFIG
  }
}

export async function show(ctx: Context): Promise<number> {
  const shown = await (await master(ctx)).call('show', { target: targetOf(ctx.args).target ?? [] })
  ctx.out.result(shown, () => shown.map((one) => shownLines(one, ctx.out.paint).join('\n')).join('\n\n'))
  return OK
}

export async function reread(ctx: Context): Promise<number> {
  const diff = await (await master(ctx)).call('reread', {})
  ctx.out.result(diff, () => diffLines(diff, ctx.out.paint).join('\n'))
  return OK
}

export async function update(ctx: Context): Promise<number> {
  const m = await master(ctx)
  const dryRun = ctx.options.dryRun === true
  const params = { ...(dryRun ? { dryRun } : {}), ...(ctx.options.noWait === true ? { wait: false } : {}) }
  const done = await withProgress(ctx.out, progressOf(m, []), m.call('update', params))
  ctx.out.result(done, () =>
    [
      ...diffLines(done.diff, ctx.out.paint),
      ...(dryRun || done.results.length === 0 ? [] : [wordsOf(done.results, ctx.out)]),
    ].join('\n'),
  )
  return exitOf(done, ctx.out)
}

/** `+ web`, `~ api  command, env.A: processes are replaced`, `- old`. */
function diffLines(diff: ConfigDiff, paint: Paint): string[] {
  const rows = [
    ...diff.added.map((name) => [paint('green', `+ ${clean(name)}`), 'new']),
    ...diff.changed.map((c) => [
      paint('yellow', `~ ${clean(c.program)}`),
      `${c.keys.map(clean).join(', ')}: ${effects[c.effect] ?? String(c.effect)}`,
    ]),
    ...diff.removed.map((name) => [paint('red', `- ${clean(name)}`), 'gone from the file: its processes are stopped']),
    ...(diff.master.length === 0
      ? []
      : [[paint('yellow', '~ [master]'), `${diff.master.map(clean).join(', ')}: ${effects['master-restart']}`]]),
  ]
  return rows.length === 0 ? ['no changes'] : columns(rows)
}

const effects: Readonly<Record<Effect, string>> = {
  live: 'taken over at once',
  reload: 'processes are replaced',
  listener: 'listeners are bound anew, processes are replaced',
  'master-restart': 'taken over when the master is started anew',
}

function shownLines(one: Shown, paint: Paint): string[] {
  const block = (title: string, rows: readonly (readonly string[])[]): string[] =>
    rows.length === 0 ? [] : ['', paint('bold', title), ...columns(rows, '  ')]
  const value = (text: string): string => (text === '' ? paint('dim', '(empty)') : clean(text))
  // What is not set and was never mentioned says nothing; --json has it.
  const settings = one.settings.filter((s) => s.value !== '' || s.origin !== 'default')
  return [
    paint('bold', `[${clean(one.program)}]`),
    ...columns(
      settings.map((s) => [s.key, value(s.value), paint('dim', clean(s.origin))]),
      '  ',
    ),
    ...block(`process ${one.program}:${one.slot}`, [
      ['argv', one.argv.map(shellWord).join(' ')],
      ['directory', value(one.directory)],
      ['stdout', value(one.stdout)],
      ['stderr', one.stderr === null ? 'merged into stdout' : value(one.stderr)],
      ...(one.listeners.length === 0 ? [] : [['listeners', one.listeners.map(clean).join(', ')]]),
      ...Object.entries(one.limits).map(([key, limit]) => [key, value(limit)]),
    ]),
    ...block(
      'environment',
      Object.entries(one.environment).map(([key, text]) => [`${clean(key)}=${clean(text)}`]),
    ),
  ]
}
