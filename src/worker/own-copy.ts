// Makes `processhandler/*` mean the running phd's own copy in a worker's process, for import and for
// require, wherever the user's module lies and whatever stands in its node_modules. The hook only
// changes who is asking: a file of this package may import its package by name, and then package.json
// decides. Called once, before the user's module is loaded.

import { existsSync, realpathSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as door from './index.ts'

const HERE = import.meta.url
const own = nodeModule.createRequire(HERE)

interface Hooks {
  resolve(
    specifier: string,
    context: { readonly parentURL?: string | undefined },
    next: (specifier: string, context: object) => object,
  ): object
}
type ResolveFilename = (request: string, parent: { readonly filename?: string } | null, ...rest: unknown[]) => string

/** @param module absolute path of the user's module. */
export function resolveToOwnCopy(module: string): void {
  const { registerHooks } = nodeModule as { registerHooks?: (hooks: Hooks) => void }
  // The door is an ES module and already loaded: a CommonJS user gets the same one, without a warning.
  const path = own.resolve('processhandler/worker')
  own.cache[path] = Object.assign(new nodeModule.Module(path), { filename: path, loaded: true, exports: door })
  // require and require.resolve; the hooks below miss the latter.
  const loader = nodeModule.Module as unknown as { _resolveFilename: ResolveFilename }
  const resolveFilename = loader._resolveFilename
  loader._resolveFilename = function (request, parent, ...rest) {
    const ours = isOurs(request) && parent?.filename !== fileURLToPath(HERE)
    return ours ? own.resolve(request) : resolveFilename.call(this, request, parent, ...rest)
  }
  if (registerHooks !== undefined) {
    registerHooks({
      resolve(specifier, context, next) {
        if (!isOurs(specifier) || context.parentURL === HERE) return next(specifier, context)
        return { url: pathToFileURL(own.resolve(specifier)).href, shortCircuit: true }
      },
    })
    return
  }
  // Node before 22.15 asks for imports in a thread of its own, whose start costs more than Node's.
  if (!findsOwnCopy(module)) nodeModule.register('./own-copy-hook.js', HERE, { data: { parentURL: HERE } })
}

const isOurs = (specifier: string): boolean => specifier === 'processhandler' || specifier.startsWith('processhandler/')

/** Node's own search from the module's folder upwards ends at this very copy. */
function findsOwnCopy(module: string): boolean {
  const root = dirname(own.resolve('processhandler/package.json'))
  let folder = dirname(realpathSync(module))
  for (;;) {
    if (folder === root) return true
    const installed = join(folder, 'node_modules', 'processhandler')
    if (existsSync(installed)) return realpathSync(installed) === root
    if (folder === dirname(folder)) return false
    folder = dirname(folder)
  }
}
