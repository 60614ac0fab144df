// Which class of a module is the worker. The rules, the first that fits: the one named after `:`;
// the default export; the export equal to the section's name ignoring case, `_` and `-`; the only
// Worker subclass. Pure: it looks at what was exported and at nothing else.

import { KIND, type Worker } from './worker.ts'

export type WorkerClass = new () => Worker

/** @param exports the namespace of the module, as import() gives it. */
export function findWorkerClass(
  exports: Readonly<Record<string, unknown>>,
  wanted: { readonly module: string; readonly className: string | null; readonly program: string },
): WorkerClass {
  const { module, className, program } = wanted
  const all = allExports(exports)
  if (className !== null) {
    const named = all.get(className)
    if (isWorkerClass(named)) return named
    const what = all.has(className) ? `"${className}" is no subclass of Worker` : `it has no export "${className}"`
    throw new Error(`cannot find the worker in ${module}: ${what} (${listed(all)})`)
  }
  const main = all.get('default')
  if (isWorkerClass(main)) return main
  const workers = new Set([...all.values()].filter(isWorkerClass))
  const bySection = new Set([...all].filter(([name]) => plain(name) === plain(program)).map(([, value]) => value))
  const candidates = [...bySection].filter(isWorkerClass)
  const [only, ...others] = candidates.length > 0 ? candidates : workers
  if (only === undefined) {
    throw new Error(`cannot find the worker in ${module}: no export is a subclass of Worker (${listed(all)})`)
  }
  if (others.length > 0) {
    throw new Error(
      `cannot choose the worker in ${module}: write "worker = MODULE:CLASS" with one of ${[only, ...others].map((one) => one.name).join(', ')}`,
    )
  }
  return only
}

/** Refuses an object that could never work, before it counts as ready. */
export function checkUsable(worker: Worker): void {
  if (!isSdkOwn(worker, 'run')) return
  const { name } = worker.constructor
  const kind = kindOf(worker.constructor)
  if (kind === 'rpc' || (kind === 'http' && ('createApp' in worker || 'app' in worker))) return
  if (isSdkOwn(worker, 'handleRequest')) {
    const instead = kind === 'http' ? ', and no createApp() or app' : ''
    throw new Error(`cannot handle requests: class ${name} has no handleRequest()${instead}`)
  }
  if (kind === 'worker') {
    throw new Error(`cannot run: class ${name} extends Worker, which has no loop: extend SyncWorker`)
  }
}

/** With CommonJS the namespace has what Node's scanner saw; the rest stands in module.exports, its default. */
function allExports(exports: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const all = new Map<string, unknown>()
  const inner = exports.default
  if (typeof inner === 'object' && inner !== null) for (const entry of Object.entries(inner)) all.set(...entry)
  for (const [name, value] of Object.entries(exports)) {
    if (name === 'module.exports' || (name === 'default' && all.has('default'))) continue
    all.set(name, value)
  }
  return all
}

/** A class of a user's that extends one of the SDK's, of whatever copy. */
function isWorkerClass(value: unknown): value is WorkerClass {
  return typeof value === 'function' && kindOf(value) !== undefined && !Object.hasOwn(value, KIND)
}

const kindOf = (value: object): string | undefined => (value as { [KIND]?: string })[KIND]

/** The method comes from a class of the SDK: nobody has overridden it. */
function isSdkOwn(worker: Worker, method: 'run' | 'handleRequest'): boolean {
  let owner: object | null = worker
  while (owner !== null && !Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner) as object | null
  return owner !== null && owner !== worker && Object.hasOwn((owner as Worker).constructor, KIND)
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, '')

const listed = (all: ReadonlyMap<string, unknown>): string =>
  all.size === 0 ? 'it exports nothing' : `it exports: ${[...all.keys()].join(', ')}`
