// What becomes of each key of a service and its socket and timer that an import looks at. The tables of docs/import.md
// are these. What is not in them (sandboxing and the like) is systemd's alone, and becomes a comment.

import type { KeyTable } from './draft.ts'

const FOLDERS = 'make the folder in pre_start, or beforehand'

export const serviceKeys: KeyTable = {
  Type: {
    here: 'ready',
    why: 'notify is ready = notify; a oneshot is a task, autorestart = never; forking and dbus have no equal: a program stays in the foreground',
  },
  ExecStart: { here: 'command', why: 'variables need a shell, which is put before them' },
  ExecStartPre: { here: 'pre_start' },
  ExecStartPost: { here: 'post_start' },
  ExecStop: { here: 'stop_signal, pre_stop', why: 'kill -SIGNAL $MAINPID is stop_signal' },
  ExecStopPost: { here: 'post_stop' },
  ExecReload: {
    here: 'reload_signal',
    why: 'kill -SIGNAL $MAINPID is reload_strategy = signal; a reload has no other command',
  },
  ReloadSignal: { here: 'reload_signal' },
  Restart: { here: 'autorestart', why: 'on-abnormal, on-abort, on-watchdog are on-failure' },
  RestartSec: { here: 'backoff_initial, backoff_max', why: 'the first restart after a longer run is immediate' },
  TimeoutStartSec: { here: 'start_timeout', why: 'counts with a `ready`' },
  TimeoutStopSec: { here: 'graceful_timeout' },
  TimeoutSec: { here: 'start_timeout, graceful_timeout' },
  KillSignal: { here: 'stop_signal' },
  KillMode: { here: 'stop_group', why: 'what a process leaves in its group is ended in any case' },
  SuccessExitStatus: { here: 'exit_codes', why: 'codes alone: an end by a signal is a failure' },
  RestartPreventExitStatus: { here: 'exit_codes', why: 'these codes count as expected' },
  WatchdogSec: { here: 'worker_timeout', why: 'with Type=notify' },
  User: { here: 'user' },
  Group: { here: 'user', why: 'as user:group' },
  SupplementaryGroups: { here: null, why: 'a user has the groups that the machine gives it' },
  WorkingDirectory: { here: 'directory' },
  Environment: { here: 'env.NAME' },
  EnvironmentFile: { here: 'env_file', why: 'one file; of others the variables are read when it is imported' },
  UMask: { here: 'umask' },
  Nice: { here: 'nice', why: 'added to that of phd' },
  OOMScoreAdjust: { here: 'oom_score_adj' },
  LimitNOFILE: { here: 'rlimit_nofile' },
  LimitCORE: { here: 'rlimit_core' },
  LimitNPROC: { here: 'rlimit_nproc' },
  LimitAS: { here: 'rlimit_as' },
  CPUAffinity: { here: 'cpu_affinity' },
  NoNewPrivileges: { here: 'no_new_privileges' },
  MemoryMax: { here: 'memory_max' },
  TasksMax: { here: 'pids_max' },
  CPUQuota: { here: 'cpu_max' },
  StandardOutput: { here: 'log_file', why: 'the journal is a file, %(log_path)s/NAME.log' },
  StandardError: { here: 'stderr_log_file', why: 'the journal is a file, with stdout' },
  RuntimeDirectory: { here: null, why: FOLDERS },
  StateDirectory: { here: null, why: FOLDERS },
  CacheDirectory: { here: null, why: FOLDERS },
  LogsDirectory: { here: null, why: FOLDERS },
  RemainAfterExit: { here: null, why: 'a task that has ended is EXITED' },
  PIDFile: { here: null, why: 'a program stays in the foreground: phd made it and knows its pid' },
  SyslogIdentifier: { here: null, why: 'log_format = prefix puts a name before each line' },
  Sockets: { here: 'bind, unix_socket' },
}

export const unitKeys: KeyTable = {
  Description: { here: null, why: 'as a comment' },
  Requires: { here: 'depends_on', why: 'of a unit beside it, which is imported too' },
  BindsTo: { here: 'depends_on', why: 'of a unit beside it, which is imported too' },
  Wants: { here: 'depends_on', why: 'of a unit beside it, which is imported too' },
  After: { here: 'depends_on', why: 'where Requires, BindsTo or Wants names it too' },
  StartLimitBurst: { here: 'start_retries', why: 'failed starts in a row, however long it takes' },
}

export const socketKeys: KeyTable = {
  ListenStream: { here: 'bind, unix_socket', why: 'no abstract sockets, no vsock' },
  Backlog: { here: 'backlog' },
  SocketMode: { here: 'unix_socket_mode' },
  SocketUser: { here: 'unix_socket_owner' },
  SocketGroup: { here: 'unix_socket_owner' },
  Accept: { here: null, why: 'a process that serves many connections is wanted' },
}

export const timerKeys: KeyTable = {
  OnCalendar: { here: 'schedule, timezone', why: 'where cron can say it' },
  Persistent: { here: null, why: 'what was missed is not made up for' },
}
