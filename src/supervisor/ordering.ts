// Instances that wait for other programs: after each change of anything they are told what they wait
// for, or that they may start; and those that go with their dependencies are told to start anew.
// Level-triggered, so nothing has to be remembered, and a next master goes on by looking.

import { hindranceOf, isOutdated } from '../core/dependencies.ts'
import { type Entry, siblingsOf } from './entry.ts'
import type { Instances } from './instances.ts'

export function tellDependents(all: Instances): void {
  for (const entry of all.entries.values()) {
    if (!all.lookout.waiting.has(entry) && !entry.spec.dependsRestart) continue
    const waiting = entry.instances.filter((i) => i.state.at === 'waiting')
    if (waiting.length === 0) all.lookout.waiting.delete(entry)
    if (entry.spec.dependsOn.length === 0) {
      // Its newest settings name none any more.
      for (const i of waiting) all.tell(i, { type: 'depsOk' })
    } else if (entry.spec.dependsRestart || waiting.length > 0) tell(entry, waiting, all)
  }
}

function tell(entry: Entry, waiting: Entry['instances'], all: Instances): void {
  const hindrance = hindranceOf(entry.spec, all.entries)
  for (const i of waiting) all.tell(i, hindrance ? { type: 'waits', ...hindrance } : { type: 'depsOk' })
  if (hindrance || !entry.spec.dependsRestart) return
  for (const i of [...entry.instances]) {
    // One that is being replaced is looked at when that is over.
    const isReplaced = siblingsOf(entry.instances, i).length > 0
    if (i.wanted === 'down' || isReplaced || !isOutdated(i, entry.spec, all.entries)) continue
    all.tell(i, { type: 'restart' })
  }
}
