// The base class of every worker: the fields a worker's process has, and the methods a user
// overrides. No method needs `super`. phd constructs one object of the user's class in each process,
// without arguments, and calls setup(), initProcess(), run() and at the end stop().
// It must work for a class from another copy of the package: it is known by KIND, not by instanceof.

import type { Logger } from 'pino'
import { theHost } from './host.ts'
import type { Listener } from './listeners.ts'
import { makeLogger } from './logger.ts'

/** Every class of the SDK has it as a property of its own, every class of a user inherits it. */
export const KIND: unique symbol = Symbol.for('processhandler.worker')

/** Called after initProcess(): a kind that listens begins to. When it is done the worker counts as ready. */
export const OPEN: unique symbol = Symbol.for('processhandler.open')

/** Resolves when `alive` is false. */
export const ENDING: unique symbol = Symbol.for('processhandler.ending')

export class Worker {
  static readonly [KIND]: string = 'worker'

  /** `name` in this worker's log lines. Default: the name of the class. */
  static LOGGER_NAME?: string

  /** The section of the INI file: its keys as written and every variable, interpolated. */
  cfg: Readonly<Record<string, string>>
  /** pino; JSON lines on stdout, which end in the program's log_file. */
  declare logger: Logger
  readonly pid: number = process.pid
  /** The pid of the master that started this process. */
  readonly ppid: number = process.ppid
  /** Requests handled since boot, failed ones among them. */
  nr = 0
  /** What it listens on, in the order of the configuration. */
  readonly listeners: readonly Listener[]
  /** The section's name, `web`. */
  readonly program: string
  /** 0, 1, 2 ... */
  readonly slot: number
  /** `web:0` */
  readonly name: string

  #alive = true
  #ended: () => void = () => {}
  readonly [ENDING]: Promise<void> = new Promise((resolve) => {
    this.#ended = resolve
  })

  constructor() {
    const host = theHost()
    this.listeners = host?.listeners ?? []
    this.cfg = host?.cfg ?? {}
    this.program = host?.program ?? ''
    this.slot = host?.slot ?? 0
    this.name = host?.name ?? ''
    const loggerName = loggerNameOf(new.target, this.program)
    defineLazily(this, 'logger', () => (host === null ? makeLogger(loggerName) : host.logger(loggerName)))
  }

  /** False when the worker was told to stop; set it to false to end by yourself. */
  get alive(): boolean {
    return this.#alive
  }

  set alive(value: boolean) {
    this.#alive = value
    if (!value) this.#ended()
  }

  /** Once, before anything else: read the settings, connect. */
  setup(): void | Promise<void> {}

  /** Once, after setup(). When it is done the worker counts as ready. */
  initProcess(): void | Promise<void> {}

  /** One unit of work. A throw is logged and counted; the worker lives. */
  handleRequest(..._request: never[]): void | Promise<void> {
    throw new Error(`cannot handle requests: class ${this.constructor.name} has no handleRequest()`)
  }

  [OPEN]?(): void | Promise<void>

  /** Works until `alive` is false. Kinds of workers differ in it; override it only for a loop of your own. */
  run(): void | Promise<void> {
    throw new Error(`cannot run: class ${this.constructor.name} extends Worker, which has no loop: extend SyncWorker`)
  }

  /** Once, after the last request: close what setup() opened. */
  stop(): void | Promise<void> {}

  /** The master reopened its log files (USR1 to it): reopen those this worker writes by itself. */
  reopenLogs(): void | Promise<void> {}
}

/** What an anonymous default export is called is of no use in a log. */
function loggerNameOf(worker: typeof Worker, program: string): string {
  if (worker.LOGGER_NAME !== undefined) return worker.LOGGER_NAME
  return worker.name === '' || worker.name === 'default' ? program : worker.name
}

/** A property made at its first use, that can be assigned and overridden like any other. */
function defineLazily(object: object, key: string, make: () => unknown): void {
  const define = (value: unknown): unknown => {
    Object.defineProperty(object, key, { value, writable: true, configurable: true, enumerable: true })
    return value
  }
  Object.defineProperty(object, key, { get: () => define(make()), set: define, configurable: true, enumerable: true })
}
