// What becomes of each key that supervisor 4.2 documents. The table of docs/import.md is this one.

import type { KeyTable } from './draft.ts'

const EVENTS = 'events are not made of output; follow it with phctl logs -f'
const PEER = 'there are no passwords: the kernel says who connects, and `allow` says who may'

/** [program:x], and what [fcgi-program:x] and [eventlistener:x] have in common with it. */
export const programKeys: KeyTable = {
  command: { here: 'command' },
  process_name: { here: null, why: 'processes are called by program and number, web:0, web:1' },
  numprocs: { here: 'number_workers' },
  numprocs_start: {
    here: null,
    why: 'numbers begin at 0; where a value uses them each process has a section of its own',
  },
  priority: { here: 'priority', why: 'only between what may start at the same moment; depends_on says what must wait' },
  autostart: { here: 'autostart' },
  startsecs: { here: 'start_seconds' },
  startretries: { here: 'start_retries' },
  autorestart: { here: 'autorestart', why: 'short runs in a row wait longer and longer, also after RUNNING' },
  exitcodes: { here: 'exit_codes' },
  stopsignal: { here: 'stop_signal' },
  stopwaitsecs: { here: 'graceful_timeout' },
  stopasgroup: { here: 'stop_group' },
  killasgroup: { here: 'killasgroup', why: 'SIGKILL always goes to the whole group' },
  user: { here: 'user', why: 'HOME, USER and LOGNAME follow' },
  redirect_stderr: { here: 'redirect_stderr' },
  stdout_logfile: { here: 'log_file', why: 'syslog has no equal' },
  stdout_logfile_maxbytes: { here: 'log_max_size', why: 'one limit for both streams' },
  stdout_logfile_backups: { here: 'log_backups', why: 'one number for both streams' },
  stdout_capture_maxbytes: { here: null, why: EVENTS },
  stdout_events_enabled: { here: null, why: EVENTS },
  stdout_syslog: { here: null, why: 'output goes to files; systemd-cat or logger as the command sends it to syslog' },
  stderr_logfile: { here: 'stderr_log_file', why: 'syslog has no equal' },
  stderr_logfile_maxbytes: { here: 'log_max_size', why: 'one limit for both streams' },
  stderr_logfile_backups: { here: 'log_backups', why: 'one number for both streams' },
  stderr_capture_maxbytes: { here: null, why: EVENTS },
  stderr_events_enabled: { here: null, why: EVENTS },
  stderr_syslog: { here: null, why: 'output goes to files; systemd-cat or logger as the command sends it to syslog' },
  environment: { here: 'env.NAME' },
  directory: { here: 'directory' },
  umask: { here: 'umask' },
  serverurl: { here: null, why: 'SUPERVISOR_SERVER_URL is not set; PHD_SOCKET names the socket' },
}

/** [fcgi-program:x], besides those of a program. */
export const fcgiKeys: KeyTable = {
  socket: { here: 'bind, unix_socket', why: 'it is descriptor 3; sh puts it where FastCGI looks for it, at 0' },
  socket_backlog: { here: 'backlog' },
  socket_owner: { here: 'unix_socket_owner' },
  socket_mode: { here: 'unix_socket_mode' },
}

/** [eventlistener:x], besides those of a program. */
export const listenerKeys: KeyTable = {
  buffer_size: { here: null, why: 'there are no event listeners: a program can subscribe to events on the socket' },
  events: { here: null, why: 'there are no event listeners: a program can subscribe to events on the socket' },
  result_handler: { here: null, why: 'there are no event listeners: a program can subscribe to events on the socket' },
}

export const groupKeys: KeyTable = {
  programs: { here: '[group:x] programs', why: 'members keep their names: web, not x:web' },
  priority: { here: 'priority', why: 'of each member, in the place of its own' },
}

/** [supervisord] */
export const masterKeys: KeyTable = {
  logfile: { here: '[master] log_file', why: 'phd.log in the same folder: JSON lines' },
  logfile_maxbytes: { here: null, why: 'the log of phd is rotated by logrotate and phctl reopen' },
  logfile_backups: { here: null, why: 'the log of phd is rotated by logrotate and phctl reopen' },
  loglevel: { here: '[master] log_level' },
  pidfile: { here: null, why: 'master.pid beside the configuration, or what [master] pidfile says' },
  umask: { here: '[DEFAULT] umask' },
  nodaemon: { here: '[master] daemonize' },
  silent: { here: null, why: 'in the foreground the log also goes to stdout' },
  minfds: { here: '[DEFAULT] rlimit_nofile', why: 'a limit, where supervisord only raises what is lower' },
  minprocs: { here: null, why: 'rlimit_nproc of a program sets it; supervisord only raises what is lower' },
  nocleanup: { here: null, why: 'log files stay' },
  childlogdir: { here: '[DEFAULT] log_path' },
  user: { here: null, why: 'start phd as that user' },
  directory: { here: '[DEFAULT] directory' },
  strip_ansi: { here: null, why: 'output is kept as it is; phctl logs leaves colours out where it does not show them' },
  environment: { here: '[DEFAULT] env.NAME' },
  identifier: { here: null, why: '--instance NAME tells masters apart' },
}

export const unixServerKeys: KeyTable = {
  file: {
    here: null,
    why: 'phd.sock beside the configuration, or what [master] socket says; another protocol is spoken there',
  },
  chmod: { here: '[master] socket_mode' },
  chown: { here: '[master] socket_group', why: 'its group; the owner is who runs phd' },
  username: { here: null, why: PEER },
  password: { here: null, why: PEER },
}

export const inetServerKeys: KeyTable = {
  port: { here: null, why: 'there is no port: ssh -L /tmp/phd.sock:/path/phd.sock host brings the socket elsewhere' },
  username: { here: null, why: PEER },
  password: { here: null, why: PEER },
}

export const includeKeys: KeyTable = {
  files: { here: null, why: 'what they hold stands in the one file that is made' },
}

/** Sections of which nothing is needed. */
export const droppedSections: KeyTable = {
  '[supervisorctl]': { here: null, why: 'phctl finds the socket by the configuration' },
  '[rpcinterface:x]': { here: null, why: 'the interface is JSON-RPC, and has no plugins' },
  '[ctlplugin:x]': { here: null, why: 'phctl has no plugins' },
  '[eventlistener:x]': { here: null, why: 'a program of its own can subscribe to events on the socket' },
}
