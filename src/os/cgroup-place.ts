// Where the one hierarchy of cgroup v2 stands on this machine, and which cgroup of it a process is in.

import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export const hierarchy = {
  /** The folder of our own cgroup. Throws in words why there is none. */
  ours(): string {
    const folder = hierarchy.of(process.pid)
    if (folder !== null) return folder
    throw new Error('there is no cgroup v2 here that we are in')
  },

  /** The folder of a process's cgroup; null = there is none that we can see. */
  of(pid: number): string | null {
    const at = mount()
    const path = /^0::(.*)$/m.exec(read(`/proc/${pid}/cgroup`))?.[1]
    if (at === null || path === undefined) return null
    const below = relative(at.root, path)
    return below === '..' || below.startsWith('../') ? null : join(at.folder, below)
  },
}

/** The first mount of it: its folder, and the cgroup that is seen there (proc(5), mountinfo). */
function mount(): { readonly folder: string; readonly root: string } | null {
  for (const line of read('/proc/self/mountinfo').split('\n')) {
    const [fields = '', type = ''] = line.split(' - ')
    const [, , , root, folder] = fields.split(' ')
    if (type.startsWith('cgroup2 ') && root && folder) return { root, folder }
  }
  return null
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // ended, or hidden
  }
}
