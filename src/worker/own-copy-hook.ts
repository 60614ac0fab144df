// The half of own-copy.ts that runs in Node's loader thread, where Node has no synchronous hooks
// (before 22.15). It must import nothing: the thread is started for it alone.

type Next = (specifier: string, context: object) => object | Promise<object>

let asker: string

/** @param data who asks for `processhandler/*` from now on: a file of the running copy. */
export function initialize(data: { readonly parentURL: string }): void {
  asker = data.parentURL
}

export function resolve(specifier: string, context: object, next: Next): object | Promise<object> {
  const ours = specifier === 'processhandler' || specifier.startsWith('processhandler/')
  return next(specifier, ours ? { ...context, parentURL: asker } : context)
}
