// Changes of files that match globs, told one by one as they come. The only user of chokidar, which is loaded when
// somebody asks for the first time: a master that watches nothing does not pay for it. What is not there yet is
// waited for.

import picomatch from 'picomatch'

/** Folders with files in thousands that nobody edits. */
const NEVER = /(?:^|\/)(?:node_modules|\.git)(?:\/|$)/

/**
 * @param globs absolute; behind a `!` what does not count
 * @param isOurs files and folders that are never looked at, whatever matches them
 * @returns what ends it
 */
export function watchFiles(
  globs: readonly string[],
  isOurs: (file: string) => boolean,
  changed: (file: string) => void,
  failed: (e: unknown) => void,
): () => void {
  const wanted = globs.filter((glob) => !glob.startsWith('!'))
  const unwanted = globs.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1))
  // A plain name may be a folder: then all that is in it counts.
  const withFolders = (list: readonly string[]): string[] => list.flatMap((glob) => [glob, `${glob}/**`])
  const matches = picomatch(withFolders(wanted), { ignore: withFolders(unwanted) })
  const excluded = unwanted.length === 0 ? () => false : picomatch(withFolders(unwanted))
  const ignored = (file: string): boolean => NEVER.test(file) || isOurs(file) || excluded(file)
  let close: (() => Promise<void>) | null = null
  let over = false

  const begin = async (): Promise<void> => {
    const { watch } = await import('chokidar')
    if (over) return
    const watcher = watch([...new Set(wanted.map((glob) => picomatch.scan(glob).base))], {
      ignored,
      ignoreInitial: true,
    })
    close = () => watcher.close()
    watcher.on('error', failed)
    watcher.on('all', (event, file) => {
      const isFile = event === 'add' || event === 'change' || event === 'unlink'
      if (isFile && !over && matches(file)) changed(file)
    })
  }

  begin().catch(failed)
  return () => {
    over = true
    close?.().catch(failed)
  }
}
