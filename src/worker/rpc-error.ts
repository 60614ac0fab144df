// An error that a method of an RpcWorker throws on purpose.

/** What a method throws for its caller to see: code, message and data go to it as they are. */
export class RpcError extends Error {
  readonly code: number
  readonly data: unknown

  constructor(code: number, message: string, data?: unknown) {
    super(message)
    this.name = 'RpcError'
    this.code = code
    this.data = data
  }
}
