// What a configuration is once it is read: frozen, checked, in the units the core computes with.

import type { LogLevel, Problem } from '../api/contract.ts'
import type { ExitWhen } from '../core/exit-when.ts'
import type { Spec } from '../core/spec.ts'
import type { Reading } from './files.ts'

export interface Setting {
  /** Canonical name, or the variable's own. */
  readonly key: string
  /** After interpolation, paths absolute, slot marks kept; '' = unset. */
  readonly value: string
  /** null = default. */
  readonly origin: { readonly file: string; readonly line: number } | null
  /** A default of files in this folder, not of the table. */
  readonly place?: string
  /** The same for the same meaning, however it is spelled: `10` and `10s`. For comparing only. */
  readonly effective: string
}

export interface ProgramConfig {
  readonly spec: Spec
  /** Every key of a program's section that this version carries out, then the variables. */
  readonly settings: readonly Setting[]
}

/** `adopt`: they go on for the next master. `stop`: the kernel ends them, and SDK workers end by themselves. */
export type Orphans = 'adopt' | 'stop'

export interface TcpAddress {
  /** `127.0.0.1:9618`, `[::1]:9618`, `:9618` */
  readonly text: string
  /** null = all addresses of this machine. */
  readonly host: string | null
  readonly port: number
}

export interface MasterConfig {
  readonly basePath: string
  readonly socket: string
  readonly socketMode: number
  readonly socketGroup: string | null
  /** Users, and groups behind an @; empty = not set. */
  readonly allow: readonly string[]
  readonly observe: readonly string[]
  readonly pidfile: string
  readonly runPath: string
  /** run_path without the instance: what all masters of the file share. '' = they have no folder in common. */
  readonly commonPath: string
  /** null = none: in the foreground it goes to stdout all the same. */
  readonly logFile: string | null
  readonly logLevel: LogLevel
  readonly daemonize: boolean
  /** What becomes of processes when the master dies hard. */
  readonly orphans: Orphans
  /** When it ends by itself. */
  readonly exitWhen: ExitWhen
  readonly maxClients: number
  /** Bytes. */
  readonly maxMessage: number
  /** null = there is none. */
  readonly web: TcpAddress | null
  /** It may change things, too. */
  readonly webControl: boolean
  /** What stands after `master: ` in ps. */
  readonly procName: string
  readonly settings: readonly Setting[]
}

export interface Config {
  /** Absolute, as it was given: symbolic links are not followed, so a link that is turned to another file is. */
  readonly file: string
  readonly instance: string | null
  readonly master: MasterConfig
  /** In the order of the file. */
  readonly programs: ReadonlyMap<string, ProgramConfig>
  readonly warnings: readonly Problem[]
}

export interface LoadOptions {
  readonly instance?: string | null
  /** The environment of the master, for %(ENV_NAME)s. Default: of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Only these programs. */
  readonly sections?: readonly string[]
  /** Cores; default: those of this machine. */
  readonly cpus?: number
  /** The master stays in the foreground whatever `daemonize` says. */
  readonly foreground?: boolean
  /** Reads a file of the configuration. Default: from the disk. */
  readonly read?: (file: string) => Reading
}
