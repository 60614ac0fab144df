// The text of a systemd unit that runs phd, from facts. Pure.

export interface UnitFacts {
  /** `system`: for everybody, at boot. `user`: of the user's own systemd. */
  readonly scope: 'system' | 'user'
  /** The configuration, absolute. */
  readonly config: string
  readonly instance: string | null
  readonly node: string
  readonly phd: string
  /** Whom the unit of the system runs it as; null = root, or who owns the systemd. */
  readonly user: string | null
  /** What phd and its programs find in their environment besides what systemd gives. */
  readonly environment: ReadonlyMap<string, string>
  /** Below /run and /var/log, made by systemd for who may not. */
  readonly folders: boolean
  /** How long the last program may take to stop, in seconds. */
  readonly stopSeconds: number
  /** Of systemd; null = unknown. */
  readonly version: number | null
}

/** From this version on systemd waits for the end of a reload (Type=notify-reload). */
const NOTIFY_RELOAD = 253
/** Beyond the longest graceful_timeout: what was killed has to be found gone, and files to be closed. */
const MARGIN_SECONDS = 30

/** By its first line a unit is known as one that may be replaced. */
export const markOf = (config: string): string => `# Written by phctl startup for ${config}`

export function unitFile(facts: UnitFacts): string {
  const { scope, config, instance, version } = facts
  const system = scope === 'system'
  const reloads = version !== null && version >= NOTIFY_RELOAD
  const words = [facts.node, facts.phd, '-n', '-c', config, ...(instance === null ? [] : ['--instance', instance])]
  const name = instance === null ? config : `${config}, instance ${instance}`
  return [
    markOf(config),
    '[Unit]',
    `Description=phd (${name.replaceAll('%', '%%')})`,
    ...(system ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    '# Always tried again; Restart and RestartSec below say how.',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    ...(reloads
      ? ['# `systemctl reload` sends HUP and waits until all is replaced.', 'Type=notify-reload']
      : ['Type=notify', 'ExecReload=/bin/kill -HUP $MAINPID']),
    'NotifyAccess=main',
    `ExecStart=${words.map(unitWord).join(' ')}`,
    ...(facts.user === null ? [] : [`User=${facts.user}`]),
    ...[...facts.environment].map(([key, value]) => `Environment=${unitText(`${key}=${value}`)}`),
    ...(facts.folders
      ? ['RuntimeDirectory=phd', 'RuntimeDirectoryMode=0711', 'RuntimeDirectoryPreserve=yes', 'LogsDirectory=phd']
      : []),
    '# phd ends its processes itself. Should it be killed, they go on, and the next phd takes them over.',
    'KillMode=process',
    'Restart=always',
    'RestartSec=1s',
    '# Wrong words or a wrong configuration do not get better by trying again.',
    'RestartPreventExitStatus=2 78',
    'Delegate=yes',
    'OOMPolicy=continue',
    'WatchdogSec=30s',
    '# A reload is a start to systemd; it may have many processes to replace, one after the other.',
    'TimeoutStartSec=10min',
    '# The longest graceful_timeout of the configuration, and some more.',
    `TimeoutStopSec=${Math.ceil(facts.stopSeconds) + MARGIN_SECONDS}s`,
    '',
    '[Install]',
    `WantedBy=${system ? 'multi-user' : 'default'}.target`,
    '',
  ].join('\n')
}

/** A word of a command line: specifiers and variables are not meant (systemd.service(5)). */
export function unitWord(text: string): string {
  const plain = text.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /^[\w@%+:,./$-]+$/.test(plain) ? plain : quote(plain)
}

/** An assignment of a variable, or a path: no specifiers are meant. */
export const unitText = (text: string): string => quote(text.replaceAll('%', '%%'))

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`
