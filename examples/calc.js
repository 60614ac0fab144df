// A JSON-RPC 2.0 service: its methods are called over the section's sockets, one JSON text a line.
//   node examples/call-calc.js add 2 3

import { RpcError, RpcWorker } from 'processhandler/worker'

export class Calc extends RpcWorker {
  add(a, b) {
    return a + b
  }

  /** Params with names come as one object. */
  async divide({ dividend, divisor }) {
    if (divisor === 0) throw new RpcError(1, 'cannot divide by zero')
    return dividend / divisor
  }
}
