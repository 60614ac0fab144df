// What a worker and its master say to each other: one JSON object a line over the Unix socket
// PHD_CHANNEL (in run_path). The worker connects, says hello with the token of its environment,
// gets its welcome, and reconnects with the same token whenever the line breaks, so a master that
// dies or is upgraded needs nothing special. The pid is checked by peer credentials, not believed.

/** Environment of a worker's process: where the channel is. What the worker starts does not get it. */
export const CHANNEL_ENV = 'PHD_CHANNEL'
/** Environment of every process: what it is known by, here and to a next master. All that it starts carries it, too. */
export const TOKEN_ENV = 'PHD_TOKEN'

/** From the master. */
export type ToWorker =
  | Welcome
  /** Log files were reopened (USR1 to the master). */
  | { readonly type: 'reopen' }

export interface Welcome {
  readonly type: 'welcome'
  readonly program: string
  /** `web:0` */
  readonly name: string
  readonly slot: number
  /** What `ps` shows after `worker: `. */
  readonly procName: string
  /** Absolute path of the user's module. */
  readonly module: string
  /** The class named in the INI file after `:`, or null: default export, the section's name, the only Worker. */
  readonly className: string | null
  /** INI keys as written and every variable. */
  readonly cfg: Readonly<Record<string, string>>
  /** Ask to be recycled after so many requests (jitter already in it); 0 = never. */
  readonly maxRequests: number
  /** Send a beat at least so often, in ms; 0 = only when the counters change (at most one a second). */
  readonly beatMs: number
  /** max_greenlets: requests in flight in one process. */
  readonly concurrency: number
  /** Between the stop signal and SIGKILL, in ms. */
  readonly graceMs: number
  /** Connections that may wait in the queue of a listener: who listens on a descriptor sets it anew. */
  readonly backlog: number
  /** Its slot may have queues of its own, which nobody empties when it is gone (balance = reuseport). */
  readonly ownQueues: boolean
  /** When the process that started it is gone: finish what is in hand, then end. */
  readonly endsWithMaster: boolean
}

/** What a worker tells of its work. */
export interface Counters {
  /** Since boot, failed ones among them. */
  readonly requests: number
  readonly errors: number
  /** Begun and not ended; null = an older worker, which does not tell. */
  readonly inFlight: number | null
  /** How long requests of the last minute took; null = there were none. */
  readonly latency: Latency | null
}

/** Half, 95 and 99 of a hundred requests took so long at most, in ms. */
export interface Latency {
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

/** From the worker. */
export type FromWorker =
  | { readonly type: 'hello'; readonly token: string; readonly pid: number }
  /** setup() and initProcess() are done: the worker takes requests. Repeated after a reconnect. */
  | { readonly type: 'ready' }
  /** Could not boot; the process exits 3 after it. One line, no stack. */
  | { readonly type: 'bootFailed'; readonly message: string }
  /** Heartbeat and counters since boot. */
  | ({ readonly type: 'beat' } & Counters)
  /** maxRequests is reached; the worker goes on until it is told to stop. Repeated with each beat. */
  | { readonly type: 'recycle'; readonly requests: number }
