// `processhandler/worker`: what a worker's author imports. Everything else in this folder is the
// inside of the SDK.

export type { Logger } from 'pino'
export { SyncWorker } from './sync-worker.ts'
export { Worker } from './worker.ts'
