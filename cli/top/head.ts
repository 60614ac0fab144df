// The first two lines of the screen: who the master is, or on which hosts there are some; and the totals. Pure.

import { clean, duration, type Paint, percent, size } from '../format.ts'
import { summary } from '../status-table.ts'
import { answers, isSilent, programsOf } from './masters.ts'
import type { Model, Watched } from './model.ts'
import { sum } from './programs.ts'
import { between } from './text.ts'

export function masterLine(model: Model, paint: Paint): string {
  const { masters, now } = model
  const [one, ...more] = masters
  const clock = new Date(now).toTimeString().slice(0, 8)
  return between(
    one && more.length === 0 ? oneMaster(one, now, paint) : hostsWords(model, paint),
    clock,
    model.size.columns,
  )
}

/** `phd on 2 of 3 hosts (not on db): web1, web2`: the reasons stand in the table. */
function hostsWords({ masters, now }: Model, paint: Paint): string {
  const names = (some: readonly Watched[]): string => some.map(({ host }) => clean(host ?? '')).join(', ')
  const there = masters.filter((one) => answers(one, now))
  const missing = masters.filter((one) => !there.includes(one))
  const count = there.length === masters.length ? masters.length : `${there.length} of ${masters.length}`
  const gone = missing.length === 0 ? '' : ` ${paint('red', `(not on ${names(missing)})`)}`
  return `${paint('bold', `phd on ${count} hosts`)}${gone}${there.length === 0 ? '' : `: ${names(there)}`}`
}

function oneMaster(one: Watched, now: number, paint: Paint): string {
  const { link, info, lookedAt } = one
  if (link.at === 'gone') {
    return paint('red', `no master for ${duration((now - link.since) / 1000)}, trying again: ${clean(link.why)}`)
  }
  if (info === null) return 'phd'
  if (isSilent(one, now)) {
    return paint('red', `phd, pid ${info.pid}, has not answered for ${duration((now - lookedAt) / 1000)}`)
  }
  const name = info.instance === null ? '' : `  instance ${clean(info.instance)}`
  const up = duration((now - Date.parse(info.startedAt)) / 1000)
  const what = `${paint('bold', `phd ${clean(info.version)}`)}  pid ${info.pid}  up ${up}${name}`
  const state = link.at === 'stopping' ? `  ${paint('yellow', 'stopping')}` : ''
  return `${what}${state}  ${paint('dim', clean(info.socket))}`
}

export function totals(model: Model, paint: Paint): string {
  // Of one that is gone the last figures stand; among several they would pass for those of today.
  const { masters } = model
  const counted = masters.length === 1 ? masters : masters.filter((one) => answers(one, model.now))
  const programs = programsOf({ masters: counted })
  const all = programs.flatMap((one) => one.processes)
  const cpu = sum(all.map((one) => one.cpu))
  const memory = sum(all.map((one) => one.memory))
  const left = [
    masters.every(({ link }) => link.at === 'gone') ? paint('dim', summary(programs)) : summary(programs),
    ...(cpu === null ? [] : [`cpu ${percent(cpu)}`]),
    ...(memory === null ? [] : [`mem ${size(memory)}`]),
  ].join('  ')
  const right = [
    ...(model.marked.size > 0 ? [paint('yellow', `${model.marked.size} marked`)] : []),
    ...(model.filter === '' ? [] : [paint('yellow', `filter ${clean(model.filter)}`)]),
    `sort ${model.sort}`,
  ].join('  ')
  return between(left, right, model.size.columns)
}
