// phctl upgrade: returns when the new program answers in the place of the old one.

import type { Info } from '../../src/api/contract.ts'
import { PhError } from '../../src/errors.ts'
import { infoAt } from '../connect.ts'
import { type Context, master, OK } from './context.ts'

/** Until the new program answers; its check has passed by then. */
const PATIENCE_MS = 60_000

export async function upgrade(ctx: Context): Promise<number> {
  const m = await master(ctx)
  const before = await m.call('info', {})
  const limitMs = ctx.globals.timeout === null ? PATIENCE_MS : ctx.globals.timeout * 1000
  const deadline = Date.now() + limitMs
  await m.call('upgrade', {})
  await m.closed
  for (;;) {
    const now = await infoFrom(m.socket)
    if (now !== null && now.upgrades > before.upgrades) {
      const result = { ok: true, pid: now.pid, from: before.version, to: now.version, upgrades: now.upgrades }
      ctx.out.result(result, () => `master ${now.pid} is upgraded: ${before.version} -> ${now.version}`)
      return OK
    }
    if (Date.now() >= deadline) {
      throw new PhError('PH_TIMEOUT', `cannot wait longer for the upgraded master ${before.pid}: see its log`)
    }
    await new Promise((done) => setTimeout(done, 20))
  }
}

/** null = it does not answer yet. */
async function infoFrom(socket: string): Promise<Info | null> {
  try {
    return await infoAt(socket, 5)
  } catch (e) {
    if (e instanceof PhError && (e.code === 'PH_NO_MASTER' || e.code === 'PH_TIMEOUT')) return null
    throw e
  }
}
