// `processhandler/worker`: what a worker's author imports. Everything else in this folder is the
// inside of the SDK.

export type { Logger } from 'pino'
export { ConcurrentWorker } from './concurrent-worker.ts'
export type { HttpApp } from './http-app.ts'
export { HttpWorker } from './http-worker.ts'
export type { Listener } from './listeners.ts'
export { RpcError } from './rpc-error.ts'
export { RpcWorker } from './rpc-worker.ts'
export { SyncWorker } from './sync-worker.ts'
export { type ThreadOptions, ThreadWorker } from './thread-worker.ts'
export { Worker } from './worker.ts'
