// The keys of [master]; each but log_file may also stand in [DEFAULT].

import type { SettingRow } from './setting-row.ts'

const levels = { trace: 'trace', debug: 'debug', info: 'info', warn: 'warn', error: 'error', fatal: 'fatal' }
const orphans = { adopt: 'adopt', stop: 'stop' }
const exits = { never: 'never', all_stopped: 'all_stopped', any_fatal: 'any_fatal' }
const now = { available: true, effect: 'master-restart' } as const

// biome-ignore format: a table reads best one key a pair of lines
export const masterRows: readonly SettingRow[] = [
  { name: 'base_path', type: 'path', default: '%(here)s', available: true, effect: null,
    meaning: 'Folder against which relative paths resolve; itself against the folder of the file.' },
  { name: 'log_path', type: 'path', default: '%(base_path)s', available: true, effect: null,
    meaning: 'Folder of the log files, against the folder of the file.' },
  { name: 'socket', type: 'path', default: '%(base_path)s/phd.sock', ...now,
    meaning: 'Control socket, at most 107 bytes.' },
  { name: 'socket_mode', type: 'mode', default: '0600', ...now,
    meaning: 'Mode of the socket from its birth on, in octal digits.' },
  { name: 'socket_group', type: 'text', default: null, ...now,
    meaning: 'Group that owns the socket.' },
  { name: 'pidfile', type: 'path', default: '%(base_path)s/master.pid', hoisted: true, ...now,
    meaning: "The master's pid, for information: a lock decides who is master. May stand in a program's section." },
  { name: 'run_path', type: 'path', default: '%(base_path)s/.phd', ...now,
    meaning: 'Folder of the lock, the record and the pipes, at most 67 bytes.' },
  { name: 'log_file', type: 'output', default: '%(log_path)s/phd.log', ...now,
    meaning: "The master's own log, JSON lines; in the foreground it also goes to stdout. `none` or `/dev/stdout`: no file. Not taken from `[DEFAULT]`." },
  { name: 'log_level', type: 'choice', default: 'info', choices: levels, ...now,
    meaning: 'How much the master logs: trace, debug, info, warn, error or fatal.' },
  { name: 'daemonize', type: 'boolean', default: 'false', hoisted: true, ...now,
    meaning: "Go to the background. May stand in a program's section." },
  { name: 'max_clients', type: 'integer', default: '256', range: [1, 65_536], ...now,
    meaning: 'Connections to the socket at a time.' },
  { name: 'max_message', type: 'size', default: '1MB', range: [1024, 2 ** 30], ...now,
    meaning: 'Largest message on the socket.' },
  { name: 'orphans', type: 'choice', default: 'adopt', choices: orphans, ...now,
    meaning: 'What becomes of processes when the master dies hard: `adopt` (they go on for the next master) or `stop`.' },
  { name: 'exit_when', type: 'choice', default: 'never', choices: exits, ...now,
    meaning: 'When the master ends by itself: `never`; `all_stopped`, exit 0 when every last exit was expected, else 1; `any_fatal`, exit 3.' },
  { name: 'allow', type: 'text', default: null, ...now,
    meaning: 'Users and `@groups`, besides root and the user of the master, that may do everything. With it the socket is open to all, and each connection is judged.' },
  { name: 'observe', type: 'text', default: null, ...now,
    meaning: 'Users and `@groups` that may only look.' },
  { name: 'web', type: 'text', default: null, ...now,
    meaning: 'Address of the web page, as `127.0.0.1:9618`; without it there is none.' },
  { name: 'web_control', type: 'boolean', default: 'false', ...now,
    meaning: 'The web page may start, stop, restart, reload and scale, and not only look.' },
]
