// Signals to processes and groups.

import type { Signals } from '../core/ports.ts'
import { errno } from '../errors.ts'

export function systemSignals(): Signals {
  return {
    send(pid, signal, group) {
      try {
        process.kill(group ? -pid : pid, signal)
        return true
      } catch (e) {
        if (errno(e) === 'ESRCH') return false // gone already: its exit event is on the way
        throw e
      }
    },
    groupLives(group) {
      try {
        process.kill(-group, 0)
        return true
      } catch (e) {
        if (errno(e) === 'ESRCH') return false
        return true // EPERM: somebody is there, and not ours to signal
      }
    },
  }
}
