// `top`: the screen on which processes are watched and operated. Everything of it is loaded here, and only here.

import { PhError } from '../../src/errors.ts'
import { type Master, openMaster } from '../connect.ts'
import type { Door } from '../top/link.ts'
import { type Context, master, OK } from './context.ts'

/** A door of one of several hosts: nobody has gone in yet. */
export type Entrance = Omit<Door, 'first'>

const AGAIN_MS = 1_000

export function top(ctx: Context): Promise<number> {
  // Nothing may be written beside the screen: a warning about the file is given at the beginning, if at all.
  const entrance = { host: null, open: () => openMaster(ctx.globals, () => {}), patienceMs: AGAIN_MS }
  return topOver(ctx, [entrance], () => master(ctx))
}

/** `enter`: no master at the beginning is an error like any other. Of several, each may come when it likes. */
export async function topOver(
  ctx: Context,
  entrances: readonly Entrance[],
  enter: (() => Promise<Master>) | null,
): Promise<number> {
  const { out } = ctx
  if (out.json) throw new PhError('PH_USAGE', 'cannot show top as JSON: use phctl status -w --json')
  if (!out.tty || process.stdin.isTTY !== true) {
    throw new PhError('PH_USAGE', 'cannot show top: stdin and stdout must be a terminal\n  use: phctl status -w')
  }
  const { TERM = '' } = process.env
  if (TERM === '' || TERM === 'dumb' || TERM === 'unknown') {
    throw new PhError(
      'PH_USAGE',
      `cannot show top: TERM is "${TERM}", of which nothing can be moved or painted\n  use: phctl status -w, or set TERM=xterm`,
    )
  }
  const first = enter === null ? null : await enter()
  const info = first === null ? null : await first.call('info', {})
  const [{ runTop }, { watched }] = await Promise.all([import('../top/run.ts'), import('../top/model.ts')])
  const able = { utf8: isUtf8(process.env), colour: out.colour && !/^vt[12]/.test(TERM) }
  const doors = entrances.map((entrance): Door => ({ ...entrance, first }))
  await runTop(
    able,
    doors,
    doors.map(({ host }) => watched(host, info)),
  )
  return OK
}

/** What the environment says of characters, by the order of locale(7). */
function isUtf8({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): boolean {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}
