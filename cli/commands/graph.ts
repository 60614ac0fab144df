// `graph`: which programs wait for which.

import { graphLines, mermaid } from '../graph-lines.ts'
import { type Context, master, OK } from './context.ts'

export async function graph(ctx: Context): Promise<number> {
  const result = await (await master(ctx)).call('graph', {})
  const lines = ctx.options.mermaid === true ? mermaid(result) : graphLines(result, ctx.out.paint)
  ctx.out.result(result, () => lines.join('\n'))
  return OK
}
