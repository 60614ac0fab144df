// Keys that stand in a file and say what is so anyhow: nobody loses them. Pure.

import type { Spec } from './keys.ts'

export function isUnused(key: string, spec: Spec): boolean {
  switch (key) {
    case 'priority':
      return spec.priority === 999
    case 'single_instance':
      return spec.singleInstance !== true && spec.lease === undefined
    case 'log_format':
      return spec.output.format === 'raw'
    case 'log_full':
      return (spec.output.full ?? 'block') === 'block'
    case 'log_compress':
      return !spec.output.compress
    case 'stderr_log_file':
      return spec.output.stderr === null
    case 'log_file':
      return spec.output.stdout === 'inherit'
    case 'stop_signal':
      return spec.stopSignal === 'SIGTERM'
    case 'stop_group':
      return !spec.stopGroup
    case 'max_memory':
      return spec.maxMemoryBytes === 0
    case 'kill_interval':
      return spec.maxAgeMs === 0
    case 'worker_timeout':
      return spec.workerTimeoutMs === 0
    case 'depends_restart':
      return !spec.dependsRestart
    case 'reload_parallel':
      return spec.reloadParallel === 1
    case 'balance':
      return spec.balance === 'shared'
    case 'exit_codes':
      return spec.exitCodes.length === 1 && spec.exitCodes[0] === 0
    case 'reload_signal':
      return spec.reloadStrategy !== 'signal'
    case 'unix_socket_mode':
    case 'unix_socket_owner':
      return !spec.listeners.some(({ kind }) => kind === 'unix')
    case 'backlog':
      return spec.listeners.length === 0
    default:
      return false
  }
}
