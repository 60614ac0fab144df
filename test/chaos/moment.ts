// The moments at which a kill hurts most: something was begun and is not ended yet. The master leaves a trace in a
// folder as it begins, and whoever watches the folder is told within a millisecond.

import { watch } from 'node:fs'
import path from 'node:path'
import type { Aim } from './plan.ts'

/** Where each is seen: a pipe is made right before a process is, the others have drafts. */
const traces: { readonly [K in Aim]: { readonly folder: string; readonly name: RegExp } } = {
  spawn: { folder: '.phd/io', name: /./ },
  rotation: { folder: 'logs', name: /\.next$/ },
  compression: { folder: 'logs', name: /\.gz\.tmp$/ },
  record: { folder: '.phd/state', name: /^record/ },
}

const PATIENCE_MS = 1_500

/** Resolves at the moment; false = it did not come for a while. */
export function momentOf(aim: Aim, dir: string): Promise<boolean> {
  const { folder, name } = traces[aim]
  return new Promise((resolve) => {
    const watcher = watch(path.join(dir, folder), (_event, file) => {
      if (file !== null && name.test(file)) end(true)
    })
    const patience = setTimeout(() => end(false), PATIENCE_MS)
    const end = (came: boolean): void => {
      clearTimeout(patience)
      watcher.close()
      resolve(came)
    }
  })
}
