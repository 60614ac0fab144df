// The one table of errors: every failure that leaves a room carries one of these codes, and both
// programs take their JSON-RPC code and their exit status from here. Codes are never reused.

interface CodeFacts {
  /** JSON-RPC 2.0 error code on the socket (JSON-RPC 2.0 §5.1; -32000..-32099 is the server's own range). */
  readonly rpc: number
  /** Exit status of phctl when this ends a command. */
  readonly exit: number
  /** Exit status of phd where it differs from 1. */
  readonly phd?: number
}

export const codes = {
  PH_PARSE: { rpc: -32700, exit: 1 },
  PH_INVALID: { rpc: -32600, exit: 1 },
  PH_METHOD: { rpc: -32601, exit: 2 },
  PH_PARAMS: { rpc: -32602, exit: 2 },
  PH_INTERNAL: { rpc: -32603, exit: 1 },
  PH_NOT_FOUND: { rpc: -32001, exit: 1 },
  PH_CONFLICT: { rpc: -32002, exit: 1 },
  PH_FAILED: { rpc: -32003, exit: 1 },
  PH_TIMEOUT: { rpc: -32004, exit: 7 },
  PH_DENIED: { rpc: -32005, exit: 5 },
  PH_CONFIG: { rpc: -32006, exit: 6, phd: 78 },
  PH_STOPPING: { rpc: -32007, exit: 4 },
  PH_LIMIT: { rpc: -32008, exit: 1 },
  PH_UPGRADE: { rpc: -32009, exit: 1 },
  /** No master answers: no socket, or nobody behind it. Never on the wire. */
  PH_NO_MASTER: { rpc: -32603, exit: 4 },
  /** Wrong words on a command line. Never on the wire. */
  PH_USAGE: { rpc: -32602, exit: 2, phd: 2 },
  /** Another master holds the lock of this run_path. Never on the wire. */
  PH_LOCKED: { rpc: -32603, exit: 1, phd: 75 },
} as const satisfies Record<string, CodeFacts>

export type Code = keyof typeof codes

/** A failure with a code of the table. `data` goes to the caller as it is: shapes that JSON can carry, no secrets. */
export class PhError extends Error {
  readonly code: Code
  readonly data: Readonly<Record<string, unknown>>

  constructor(code: Code, message: string, data: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PhError'
    this.code = code
    this.data = data
  }
}

/** The code for a JSON-RPC error number; `PH_INTERNAL` for a number that is not in the table. */
export function codeOfRpc(rpc: number): Code {
  for (const [code, facts] of Object.entries(codes)) {
    if (facts.rpc === rpc) return code as Code
  }
  return 'PH_INTERNAL'
}

/** The errno name (`ENOENT`) of a thrown system error, or null when it is no system error. */
export function errno(e: unknown): string | null {
  const code = (e as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : null
}

/** What stands behind a word that nobody knows; null = none is near enough. */
export const meant = (near: string | null): string => (near === null ? '' : `; did you mean ${near}?`)

/** The message of whatever was thrown, without a stack. */
export function messageOf(e: unknown): string {
  return e instanceof Error ? e.message : String(e)
}
