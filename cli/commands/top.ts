// `top`: the screen on which processes are watched and operated. Everything of it is loaded here, and only here.

import { PhError } from '../../src/errors.ts'
import { openMaster } from '../connect.ts'
import { type Context, master, OK } from './context.ts'

export async function top(ctx: Context): Promise<number> {
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
  const m = await master(ctx) // no master at the beginning is an error like any other
  const info = await m.call('info', {})
  const { runTop } = await import('../top/run.ts')
  const able = { utf8: isUtf8(process.env), colour: out.colour && !/^vt[12]/.test(TERM) }
  // Nothing may be written beside the screen: a warning about the file was given at the beginning, if at all.
  await runTop(able, m, info, () => openMaster(ctx.globals, () => {}))
  return OK
}

/** What the environment says of characters, by the order of locale(7). */
function isUtf8({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): boolean {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}
