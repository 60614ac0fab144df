// The kinds of workers without phd, as in a unit test of a user's: what can be overridden and how it is
// typed (this file compiles), the way to end, which methods an RpcWorker serves, what it listens on.

import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import {
  ConcurrentWorker,
  type HttpApp,
  HttpWorker,
  RpcError,
  RpcWorker,
  SyncWorker,
  ThreadWorker,
} from '../../src/worker/index.ts'
import { listenersFrom } from '../../src/worker/listeners.ts'
import { publicMethods } from '../../src/worker/rpc.ts'
import { ENDING } from '../../src/worker/worker.ts'

class Job extends SyncWorker {
  override async handleRequest(): Promise<void> {
    this.nr++
  }
}

class Echo extends ConcurrentWorker {
  override async handleRequest(connection: Socket): Promise<void> {
    connection.write('hello')
  }
}

class Web extends HttpWorker {
  override handleRequest(request: IncomingMessage, response: ServerResponse): void {
    response.end(request.url)
  }
}

class Framework extends HttpWorker {
  async createApp(): Promise<HttpApp> {
    return (_request, response) => response.end('app')
  }
}

class Sums extends ThreadWorker {
  static override TASKS = new URL('./sums.js', import.meta.url)

  override async handleRequest(connection: Socket): Promise<void> {
    connection.write(String(await this.thread('sum', [1, 2])))
  }
}

class Calc extends RpcWorker {
  readonly field = (): number => 1

  add(a: number, b: number): number {
    if (!Number.isFinite(a + b)) throw new RpcError(-32602, 'cannot add that')
    return a + b
  }

  override setup(): void {}

  _inner(): void {}

  get total(): () => number {
    return () => 0
  }
}

test('every kind is constructed without phd; alive = false ends it', async () => {
  for (const Kind of [Job, Echo, Web, Framework, Sums, Calc]) {
    const worker = new Kind()
    assert.deepEqual([worker.alive, worker.listeners, worker.nr], [true, [], 0], Kind.name)
    worker.alive = false
    await worker[ENDING]
    assert.equal(worker.alive, false)
  }
})

test('a loop ends when alive is false', async () => {
  class Twice extends Job {
    override async handleRequest(): Promise<void> {
      this.alive = this.nr < 1
    }
  }
  const worker = new Twice()
  await worker.run()
  assert.equal(worker.nr, 2)
})

test('the methods that are served, and `this` in them', () => {
  class More extends Calc {
    twice(n: number): number {
      return this.add(n, n)
    }
  }
  const methods = publicMethods(new More())
  assert.deepEqual([...methods.keys()], ['add', 'twice'])
  assert.equal(methods.get('twice')?.(4), 8)
  assert.throws(() => methods.get('add')?.(1, Number.NaN), { name: 'RpcError', code: -32602 })
})

test('listeners: as systemd says it, and only those that are meant for this process', () => {
  const env = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'tcp-80:unix-/run/a.sock' }
  assert.deepEqual(listenersFrom(env, 7), [
    { fd: 3, name: 'tcp-80' },
    { fd: 4, name: 'unix-/run/a.sock' },
  ])
  assert.deepEqual(listenersFrom(env, 8), [])
  assert.deepEqual(listenersFrom({}, 7), [])
  assert.deepEqual(listenersFrom({ LISTEN_PID: '7', LISTEN_FDS: '1' }, 7), [{ fd: 3, name: 'unknown' }])
})
