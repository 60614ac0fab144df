// The only user of the foreign function interface: the handful of C library calls that Node does
// not offer, each under its C name, with JavaScript types. Here: making and awaiting processes, and
// their limits; what concerns descriptors stands in libc-io.ts. Called on the main thread of phd only.
// Every function here either succeeds or throws an error with Node's usual fields: `code` is the errno's name, `syscall` the function.

import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import koffi from 'koffi'

/** The C library that Node itself runs on. For the files of this family alone. */
export const lib = koffi.load(null)

/** Names a C struct by its fields, in their order. For the files of this family alone. */
export const nameStruct = (name: string, fields: Readonly<Record<string, string>>): void =>
  void koffi.struct(name, fields)

/** What stands at a pointer. */
export const decodeStruct = (pointer: unknown, name: string): unknown => koffi.decode(pointer, name)

const c = {
  posix_spawn: lib.func(
    'int posix_spawn(_Out_ int *pid, const char *path, void *actions, void *attr, const char **argv, const char **envp)',
  ),
  actionsInit: lib.func('int posix_spawn_file_actions_init(void *actions)'),
  actionsDestroy: lib.func('int posix_spawn_file_actions_destroy(void *actions)'),
  addDup2: lib.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)'),
  addOpen: lib.func(
    'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, int mode)',
  ),
  addChdir: lib.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)'),
  addCloseFrom: lib.func('int posix_spawn_file_actions_addclosefrom_np(void *actions, int from)'),
  attrInit: lib.func('int posix_spawnattr_init(void *attr)'),
  attrFlags: lib.func('int posix_spawnattr_setflags(void *attr, short flags)'),
  attrMask: lib.func('int posix_spawnattr_setsigmask(void *attr, void *set)'),
  attrDefault: lib.func('int posix_spawnattr_setsigdefault(void *attr, void *set)'),
  sigfillset: lib.func('int sigfillset(void *set)'),
  sigemptyset: lib.func('int sigemptyset(void *set)'),
  fcntl: lib.func('int fcntl(int fd, int command, ...)'),
  execve: lib.func('int execve(const char *path, const char **argv, const char **envp)'),
  waitpid: lib.func('int waitpid(int pid, int32_t *status, int options)'),
  prctl: lib.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)'),
  getrlimit: lib.func('int getrlimit(int resource, uint64_t *limit)'),
  sched_getaffinity: lib.func('int sched_getaffinity(int pid, size_t bytes, void *cores)'),
  sched_setaffinity: lib.func('int sched_setaffinity(int pid, size_t bytes, void *cores)'),
} as const

/** Where a number has two names the first one is meant: EAGAIN, not EWOULDBLOCK. */
const names = new Map<number, string>(
  Object.entries(constants.errno)
    .map(([name, number]) => [number, name] as const)
    .toReversed(),
)

/** Throws for an error number. */
export function fail(syscall: string, number: number): never {
  const code = names.get(number) ?? `E${number}`
  throw Object.assign(new Error(`${syscall}: ${code}`), { code, errno: number, syscall })
}

/** The error number of the last failed call. */
export const lastError = (): number => koffi.errno()

/** For calls that return -1 and set errno. */
export function check(syscall: string, result: number): number {
  return result === -1 ? fail(syscall, koffi.errno()) : result
}

/**
 * Makes a call again for as long as a signal cut it short (signal(7)). Some calls are cut even when they would not
 * have waited: poll(2) is, and SIGCHLD and SIGIO come at any moment.
 */
export function uncut<T extends number | bigint>(call: () => T): T {
  for (;;) {
    const result = call()
    if (Number(result) !== -1 || koffi.errno() !== constants.errno.EINTR) return result
  }
}

/** For calls that return the error number itself. */
function checkNumber(syscall: string, result: number): void {
  if (result !== 0) fail(syscall, result)
}

// posix_spawn -------------------------------------------------------------------------------------

const F_DUPFD_CLOEXEC = 1030
const SETSIGDEF = 0x04
const SETSIGMASK = 0x08
const SETSID = 0x80
// glibc: posix_spawn_file_actions_t is 80 bytes, posix_spawnattr_t 336, sigset_t 128 on every 64-bit Linux.
const ACTIONS_BYTES = 128
const ATTR_BYTES = 512
const SIGSET_BYTES = 128

export interface SpawnArgs {
  /** Resolved program: posix_spawn searches nothing. */
  readonly path: string
  readonly argv: readonly string[]
  /** `NAME=value` */
  readonly env: readonly string[]
  readonly cwd: string
  /** Descriptors of the child from 0 on: ours to duplicate, or a path to open read-write (`/dev/null`). All others are closed. */
  readonly fds: readonly (number | string)[]
}

let attr: Buffer | null = null

/**
 * Starts a program in a session of its own with an empty signal mask and default signal actions
 * (Node ignores SIGPIPE, and that would be inherited). glibc vforks: the cost does not grow with our memory.
 * @returns the pid. Throws ENOENT, EACCES, ENOEXEC, E2BIG ... at once: the child never existed then.
 */
export function posixSpawn(args: SpawnArgs): number {
  attr ??= spawnAttributes()
  const actions = Buffer.alloc(ACTIONS_BYTES)
  const lifted: number[] = []
  checkNumber('posix_spawn_file_actions_init', c.actionsInit(actions))
  try {
    args.fds.forEach((from, to) => {
      if (typeof from === 'string') {
        checkNumber('addopen', c.addOpen(actions, to, from, 2, 0))
        return
      }
      // In order: a source below its target would be overwritten by then.
      const source = from < to ? check('fcntl', c.fcntl(from, F_DUPFD_CLOEXEC, 'int', args.fds.length)) : from
      if (source !== from) lifted.push(source)
      checkNumber('adddup2', c.addDup2(actions, source, to))
    })
    checkNumber('addclosefrom', c.addCloseFrom(actions, args.fds.length))
    checkNumber('addchdir', c.addChdir(actions, args.cwd))
    const pid: [number] = [0]
    checkNumber('posix_spawn', c.posix_spawn(pid, args.path, actions, attr, [...args.argv, null], [...args.env, null]))
    return pid[0]
  } finally {
    for (const fd of lifted) closeSync(fd)
    c.actionsDestroy(actions)
  }
}

function spawnAttributes(): Buffer {
  const made = Buffer.alloc(ATTR_BYTES)
  const every = Buffer.alloc(SIGSET_BYTES)
  const none = Buffer.alloc(SIGSET_BYTES)
  checkNumber('posix_spawnattr_init', c.attrInit(made))
  check('sigfillset', c.sigfillset(every))
  check('sigemptyset', c.sigemptyset(none))
  checkNumber('posix_spawnattr_setsigdefault', c.attrDefault(made, every))
  checkNumber('posix_spawnattr_setsigmask', c.attrMask(made, none))
  checkNumber('posix_spawnattr_setflags', c.attrFlags(made, SETSIGDEF | SETSIGMASK | SETSID))
  return made
}

/**
 * Becomes another program: the same process, its children, and the descriptors that are not close-on-exec. Returns
 * only by throwing, and nothing has changed then.
 */
export function execve(path: string, argv: readonly string[], env: readonly string[]): never {
  c.execve(path, [...argv, null], [...env, null])
  return fail('execve', koffi.errno())
}

// waiting -----------------------------------------------------------------------------------------

const WNOHANG = 1
const status = new Int32Array(1)

export interface Waited {
  readonly pid: number
  readonly code: number | null
  /** Signal number. */
  readonly signal: number | null
}

/** Takes one ended child, whoever it is; null when none has ended (or there are none). */
export function waitAny(): Waited | null {
  const pid = uncut(() => c.waitpid(-1, status, WNOHANG))
  if (pid === 0) return null
  if (pid === -1) {
    const number = koffi.errno()
    if (number === constants.errno.ECHILD) return null // no children at all
    return fail('waitpid', number)
  }
  return waited(pid, status[0] ?? 0)
}

/** Waits until one child has ended; blocks. For a process that does nothing else. */
export function waitFor(pid: number): Waited {
  check(
    'waitpid',
    uncut(() => c.waitpid(pid, status, 0)),
  )
  return waited(pid, status[0] ?? 0)
}

/** Takes a wait status apart (wait(2)). */
export function waited(pid: number, word: number): Waited {
  const signal = word & 0x7f
  return signal === 0 ? { pid, code: (word >> 8) & 0xff, signal: null } : { pid, code: null, signal }
}

const PR_SET_CHILD_SUBREAPER = 36

/** Orphans among our descendants become our children, so their end is heard and no zombie stays (prctl(2)). */
export function becomeSubreaper(): void {
  check('prctl', c.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
}

// limits ------------------------------------------------------------------------------------------

/** One bit for each core that any kernel knows of. */
const CORES_BYTES = 1024

/** Which of these cores the kernel gives to us, asked by taking them for a moment, this thread alone (sched(7)). */
export function coresGranted(cores: readonly number[]): readonly number[] {
  const mask = Buffer.alloc(CORES_BYTES)
  for (const core of cores) mask.writeUInt8(mask.readUInt8(core >> 3) | (1 << (core & 7)), core >> 3)
  const own = affinity()
  if (c.sched_setaffinity(0, CORES_BYTES, mask) !== 0) return [] // none of them
  const granted = affinity()
  // Back to all, if these were all: cores that we get later are then ours, too.
  setAffinity(Buffer.alloc(CORES_BYTES, 0xff))
  if (!affinity().equals(own)) setAffinity(own)
  return cores.filter((core) => (granted.readUInt8(core >> 3) & (1 << (core & 7))) !== 0)
}

function affinity(): Buffer {
  const mask = Buffer.alloc(CORES_BYTES)
  check('sched_getaffinity', c.sched_getaffinity(0, CORES_BYTES, mask))
  return mask
}

const setAffinity = (mask: Buffer): number => check('sched_setaffinity', c.sched_setaffinity(0, CORES_BYTES, mask))

const RLIMIT_NOFILE = 7

/** Kept free of what is not needed to keep processes alive: pipes, logs and the record come first. */
const RESERVED_FDS = 64

/** The kernel gives the lowest free number: one that is near the limit says how few are left. */
export function isFdScarce(fd: number): boolean {
  const pair = new BigUint64Array(2) // soft and hard; Node raises the first to the second when it starts
  check('getrlimit', c.getrlimit(RLIMIT_NOFILE, pair))
  const limit = Number(pair[0])
  return fd >= limit - Math.min(RESERVED_FDS, limit / 4)
}
