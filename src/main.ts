// phd: from the command line to a running master. Reads the configuration, goes to the background or
// stays, takes the lock, runs the master, and ends the process: with cli/main.ts and worker/boot.ts
// the only file that does.

import './early.ts' // before everything else
import './ground.ts'

import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join, relative } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { accessOf, type SocketAccess } from './access.ts'
import { readArguments, usage } from './arguments.ts'
import { urlOf } from './config/address.ts'
import { type Config, formatProblem, loadConfig } from './config/load.ts'
import { caller, findConfig, placesOf } from './config/places.ts'
import { printConfig } from './config/print.ts'
import { replaySignals } from './early.ts'
import { codes, messageOf, PhError } from './errors.ts'
import { runMaster } from './master.ts'
import { receiveSockets } from './os/activation.ts'
import { type Parent, startDaemon, waitingParent } from './os/daemon.ts'
import { makeFolder } from './os/folders.ts'
import { receiveHandover } from './os/handover.ts'
import { takeLock } from './os/lock.ts'
import { type MasterLog, openMasterLog } from './os/master-log.ts'
import { checkRecord } from './os/record-file.ts'
import { packageFile, packageVersion } from './package.ts'
import type { Readiness } from './upgrade.ts'
import { tokenFile } from './web.ts'

/**
 * Clients that flood us make much garbage of a short life: the space for it would grow to twice 16 MB, and all else
 * that a master needs is less than that. Set when a master runs and not earlier, nor where its code is made: V8's code
 * (run-bundle.ts) fits the flags that it was made with.
 */
const YOUNG_SPACE = '--semi-space-growth-factor=1'

const parent = waitingParent()
const handover = receiveHandover()
const activated = receiveSockets()
main().catch((e: unknown) => refuse(e, parent))

async function main(): Promise<void> {
  const args = readArguments(process.argv.slice(2))
  switch (args.action) {
    case 'help':
      return print(usage)
    case 'version':
      return print(`${packageVersion()}\n`)
    default:
  }
  const places = placesOf(caller(), process.env)
  const file = args.config ?? findConfig(places)
  if (file === null) {
    throw new PhError(
      'PH_USAGE',
      `cannot find a configuration: there is none of ${places.join(', ')}; give one with -c FILE\n  the smallest has two lines: [web] and command = PROGRAM`,
    )
  }
  const foreground = args.foreground
  const config = loadConfig(file, {
    instance: args.instance,
    foreground,
    ...(args.sections ? { sections: args.sections } : {}),
  })
  for (const warning of config.warnings) process.stderr.write(`phd: warning: ${formatProblem(warning)}\n`)
  const access = accessOf(config.master)
  if (args.action === 'check') return print(`${config.file}: ok (${counts(config)})\n`)
  if (args.action === 'print-config') return print(printConfig(config))
  if (args.action === 'check-upgrade') return print(`${JSON.stringify(readiness(config))}\n`)
  if (config.master.daemonize && !foreground && !parent && !handover) return detach(config)
  await run(config, access, args.sections, handover?.foreground ?? parent === null)
}

/** Starts the same phd again, in the background, and ends as it says. */
function detach(config: Config): never {
  const { exit, text } = startDaemon([
    process.execPath,
    ...process.execArgv,
    ...process.argv.slice(1),
    '-c',
    config.file,
  ])
  if (exit === 0) print(`${text}\nnext: ${phctlCommand(config, process.cwd())} status\n`)
  else process.stderr.write(`phd: ${text}\n`)
  process.exit(exit)
}

/** How to call phctl from the folder in which phd was started: what can be typed there as it is. */
function phctlCommand(config: Config, cwd: string): string {
  const installed = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'phctl')))
  const command = installed ? 'phctl' : `node ${relative(cwd, packageFile('dist/bin/phctl.cjs'))}`
  return config.file === join(cwd, 'config.ini') ? command : `${command} -c ${config.file}`
}

async function run(
  config: Config,
  access: SocketAccess,
  sections: readonly string[] | null,
  foreground: boolean,
): Promise<void> {
  const { master } = config
  if (process.env.PHD_MAKES_CODE === undefined) setFlagsFromString(YOUNG_SPACE)
  process.title = `master: ${master.procName}`
  const phctl = phctlCommand(config, process.cwd())
  process.umask(0o022)
  process.chdir('/')
  // In a place of the system or of the user nobody has made these for us.
  for (const { key, value, place } of master.settings) {
    if (place !== undefined && (key === 'socket' || key === 'pidfile')) makeFolder(dirname(value), 0o711)
  }
  const lock = handover?.lock ?? takeLock(master.runPath, { pid: process.pid, config: config.file })
  if (!handover) await refuseLiveSocket(master.socket)
  const masterLog = await openMasterLog({ file: master.logFile, level: master.logLevel, foreground })
  lastWords(masterLog)
  const { log } = masterLog
  const version = packageVersion()
  log.info({ version, pid: process.pid, config: config.file, node: process.version }, 'starting')
  try {
    await runMaster({
      config,
      sections,
      foreground,
      masterLog,
      access,
      lock,
      handover,
      activated,
      ended: (code) => process.exit(code),
    })
    handover?.settle()
    replaySignals()
  } catch (e) {
    log.fatal({ err: messageOf(e) }, 'cannot start')
    throw e
  }
  const next = foreground && !handover ? { next: `${phctl} status` } : {}
  log.info({ pid: process.pid, socket: master.socket, ...next }, 'ready')
  masterLog.flush() // before anybody is told that it is ready
  const words = `phd ${version} keeps ${counts(config)} (pid ${process.pid})`
  if (foreground && !handover && process.stdout.isTTY) {
    print(
      `\n${words}\nnext, in another terminal:\n  ${phctl} status\n  ${phctl} help\n${webWords(master)}Ctrl-C stops everything in order.\n\n`,
    )
  }
  parent?.report({ exit: 0, text: words })
}

/** Where the web page is, which `phctl info` says, too; the token stays in its file. */
const webWords = ({ web, runPath }: Config['master']): string =>
  web === null ? '' : `in a browser: ${urlOf(web)} with the token in ${tokenFile(runPath)}\n`

/** The answer to a running master that would become this program. Throws when it could not go on from here. */
function readiness({ master }: Config): Readiness {
  checkRecord(join(master.runPath, 'state'))
  return { version: packageVersion(), runPath: master.runPath, socket: master.socket }
}

/** A lock file that somebody deleted says nothing; a socket that answers does. */
function refuseLiveSocket(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = connect(path)
    probe.on('error', () => resolve()) // nobody there: the usual case
    probe.on('connect', () => {
      probe.destroy()
      reject(
        new PhError('PH_LOCKED', `cannot start: another master answers on ${path}, though it does not hold the lock`),
      )
    })
  })
}

/** What nobody caught is our fault: said in the log, and the process ends. */
function lastWords({ log }: MasterLog): void {
  const fatal = (e: unknown): void => {
    log.fatal({ err: e }, 'internal error: the master ends')
    process.exit(codes.PH_INTERNAL.exit)
  }
  process.on('uncaughtException', fatal)
  process.on('unhandledRejection', fatal)
}

function counts({ programs }: Config): string {
  const processes = [...programs.values()].reduce((sum, { spec }) => sum + spec.workers, 0)
  const one = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`
  return `${one(programs.size, 'program')}, ${one(processes, 'process').replace('processs', 'processes')}`
}

function print(text: string): void {
  process.stdout.write(text)
}

function refuse(e: unknown, waiting: Parent | null): never {
  const known = e instanceof PhError ? e : null
  const facts = known ? codes[known.code] : codes.PH_INTERNAL
  const exit = 'phd' in facts ? facts.phd : 1
  const text = known ? known.message : `internal error: ${messageOf(e)}`
  waiting?.report({ exit, text })
  process.stderr.write(`${known?.code === 'PH_CONFIG' ? '' : 'phd: '}${text}\n`)
  process.exit(exit)
}
