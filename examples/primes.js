// Requests that compute, in threads: echo 30000000 | nc -N 127.0.0.1 8713

import { ThreadWorker } from 'processhandler/worker'

export class Primes extends ThreadWorker {
  static TASKS = new URL('./primes-tasks.js', import.meta.url)

  /** One connection. Its end is the end of the connection. */
  async handleRequest(connection) {
    for await (const line of connection) {
      const count = await this.thread('primesBelow', Number(line))
      connection.write(`${String(count)}\n`)
      break
    }
  }
}
