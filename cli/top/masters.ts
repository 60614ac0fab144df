// The masters that are watched: one, or one on each of several hosts; and how it stands with them, in words. Pure.

import type { Program } from '../../src/api/contract.ts'
import { clean, duration } from '../format.ts'
import type { Model, Watched } from './model.ts'
import { hostOf } from './names.ts'

/** More than the longest rest between two questions, for all but the slowest masters. */
const SILENT_MS = 10_000

type Masters = Pick<Model, 'masters'>

export const programsOf = ({ masters }: Masters): readonly Program[] => masters.flatMap(({ programs }) => programs)

/** The one that a name belongs to. */
export function masterOf({ masters }: Masters, name: string): Watched | undefined {
  const host = hostOf(name)
  return masters.find((one) => one.host === host)
}

export function withMaster(model: Model, host: string | null, change: (last: Watched) => Watched): Model {
  return { ...model, masters: model.masters.map((one) => (one.host === host ? change(one) : one)) }
}

/** What it said last is so now; else it is a memory. */
export const answers = (one: Watched, now: number): boolean =>
  (one.link.at === 'up' || one.link.at === 'stopping') && !isSilent(one, now)

/** What has to be said of a host on a line of its own; null: its programs say it all. */
export function troubleOf(one: Watched, now: number): { readonly state: string; readonly words: string } | null {
  const { link, lookedAt, programs } = one
  switch (link.at) {
    case 'coming':
      return joining
    case 'gone':
      return { state: 'DOWN', words: `for ${duration((now - link.since) / 1000)}: ${whyGone(one.host, link.why)}` }
    case 'stopping':
      return { state: 'STOPPING', words: 'its master ends' }
    case 'up':
      if (isSilent(one, now)) {
        return { state: 'SILENT', words: `has not answered for ${duration((now - lookedAt) / 1000)}` }
      }
      // Until it has said what it runs: so its place is kept for it, and for the selection.
      if (lookedAt === 0) return joining
      return programs.length === 0 ? { state: 'EMPTY', words: 'no programs' } : null
    default:
      return link satisfies never
  }
}

const joining = { state: 'JOINING', words: 'it has not answered yet' }

/** Behind the name of the host it need not be said again. */
const whyGone = (host: string | null, why: string): string =>
  clean(why.replace(`cannot reach ${host} by ssh: `, 'ssh: ').replace(/^cannot reach a master on .*?\): /, ''))

export const isSilent = ({ lookedAt }: Watched, now: number): boolean => lookedAt > 0 && now - lookedAt > SILENT_MS
