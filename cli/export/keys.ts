// What becomes of each key of a program's section in each target. The table of docs/export.md is this one, and a test
// holds it against the table of keys, so a new key is a decision here.

import type { ProgramConfig } from '../../src/config/config.ts'

export type Spec = ProgramConfig['spec']

export type Target = 'systemd' | 'kubernetes' | 'compose'

/** Keys of the target; null = no equal. `quiet`: nobody misses it there, so it is no warning. */
export interface ExportRow {
  readonly systemd: string | null
  readonly kubernetes: string | null
  readonly compose: string | null
  readonly why?: string
  readonly quiet?: readonly Target[]
}

const all: readonly Target[] = ['systemd', 'kubernetes', 'compose']
const none = (why: string, quiet: readonly Target[] = []): ExportRow => ({
  systemd: null,
  kubernetes: null,
  compose: null,
  why,
  quiet,
})
const inside = (
  systemd: string | null,
  kubernetes: string | null,
  compose: string | null,
  why?: string,
): ExportRow => ({
  systemd,
  kubernetes,
  compose,
  ...(why !== undefined && { why }),
})
const phd = (why: string): ExportRow => inside('phd', 'phd', 'phd', why)
const WORKER = 'an SDK worker is run by phd there too'
const JOURNAL = 'the journal and the runtime of containers keep logs their own way'

// biome-ignore format: a table reads best one key a line
export const exportKeys: Readonly<Record<string, ExportRow>> = {
  base_path: inside('paths', 'paths', 'paths'),
  log_path: inside('paths', 'paths', 'paths'),
  worker: inside('ExecStart', 'command', 'command', WORKER),
  command: inside('ExecStart', 'command', 'command'),
  number_workers: inside('instances of a template', 'replicas', 'deploy.replicas'),
  proc_name: phd(WORKER),
  directory: inside('WorkingDirectory', 'workingDir', 'working_dir'),
  user: inside('User, Group', 'runAsUser, runAsGroup', 'user'),
  umask: inside('UMask', null, null, 'a container has that of its image'),
  nice: inside('Nice', null, null, 'containers have shares instead'),
  oom_score_adj: inside('OOMScoreAdjust', null, 'oom_score_adj', 'Kubernetes reckons it from the limits'),
  rlimit_nofile: inside('LimitNOFILE', null, 'ulimits.nofile', "a pod has its node's"),
  rlimit_core: inside('LimitCORE', null, 'ulimits.core', "a pod has its node's"),
  rlimit_nproc: inside('LimitNPROC', null, 'ulimits.nproc', "a pod has its node's"),
  rlimit_as: inside('LimitAS', null, 'ulimits.as', "a pod has its node's"),
  memory_max: inside('MemoryMax', 'limits.memory', 'limits.memory', 'of all processes; a container gets its part'),
  pids_max: inside('TasksMax', null, 'pids_limit', "a pod has its node's"),
  cpu_max: inside('CPUQuota', 'limits.cpu', 'limits.cpus', 'of all processes; a container gets its part'),
  cpu_affinity: inside('CPUAffinity', null, 'cpuset', 'a pod has what its node gives; auto has no equal anywhere'),
  no_new_privileges: inside('NoNewPrivileges', 'allowPrivilegeEscalation', 'security_opt'),
  environment: inside('Environment', 'env', 'environment'),
  env_file: inside('EnvironmentFile', 'envFrom', 'env_file', 'Kubernetes wants a Secret made of it'),
  env_clear: none('there is no environment of a master', all),
  log_file: inside('StandardOutput', null, null, 'the output of a container is its log'),
  stderr_log_file: inside('StandardError', null, null, 'the output of a container is its log'),
  log_pipe_size: none(JOURNAL, all),
  log_format: none(JOURNAL),
  log_full: none(JOURNAL),
  log_max_size: inside(null, null, 'logging.options', JOURNAL),
  log_backups: inside(null, null, 'logging.options', JOURNAL),
  log_compress: none(JOURNAL),
  autostart: inside('WantedBy', 'replicas', 'profiles'),
  depends_on: inside('Requires, After', null, 'depends_on', 'pods start when they will, and must bear it'),
  depends_restart: inside('PartOf', null, null, 'containers live by themselves'),
  priority: none('what must wait says depends_on'),
  autorestart: inside('Restart', 'kind, restartPolicy', 'restart', 'on-failure and never are Jobs in Kubernetes'),
  exit_codes: inside('SuccessExitStatus', null, null, 'only 0 is a success there'),
  start_seconds: none('to have begun is to run there', all),
  start_timeout: inside('TimeoutStartSec', 'startupProbe', 'healthcheck.start_period'),
  start_retries: inside('StartLimitBurst', 'backoffLimit', 'restart', 'Kubernetes tries without end, but for Jobs'),
  backoff_initial: inside('RestartSec', null, null, 'they wait longer and longer by their own measure'),
  backoff_max: none('they wait by their own measure', all),
  backoff_reset: none('they wait by their own measure', all),
  stop_signal: inside('KillSignal', null, 'stop_signal', 'STOPSIGNAL of the image says it'),
  stop_group: inside('KillMode', null, null, 'a container ends with its first process'),
  graceful_timeout: inside('TimeoutStopSec', 'terminationGracePeriodSeconds', 'stop_grace_period'),
  max_requests: phd(WORKER),
  max_requests_jitter: phd(WORKER),
  max_memory: none('a limit kills there, it replaces nothing'),
  max_greenlets: phd(WORKER),
  kill_interval: inside('RuntimeMaxSec', null, null, 'what runs is left alone there'),
  max_age_jitter: none('all end at the same age', all),
  worker_timeout: inside('WatchdogSec', null, null, 'nobody hears sd_notify in a container'),
  ready: inside('Type', 'readinessProbe, startupProbe', 'healthcheck', 'notify in systemd alone; tcp, http, exec in the others; fd and log nowhere'),
  health_check: inside(null, 'livenessProbe', 'healthcheck', 'systemd asks nobody; log-silence has no equal anywhere'),
  health_interval: inside(null, 'livenessProbe', 'healthcheck', 'systemd asks nobody'),
  health_timeout: inside(null, 'livenessProbe', 'healthcheck', 'systemd asks nobody'),
  health_failures: inside(null, 'livenessProbe', 'healthcheck', 'systemd asks nobody'),
  health_action: inside(null, 'livenessProbe', null, 'a restart in Kubernetes, a word in Compose'),
  pre_start: inside('ExecStartPre', 'initContainers', null, 'make it the beginning of the command'),
  post_start: inside('ExecStartPost', 'lifecycle.postStart', null, 'make it a part of the command'),
  pre_stop: inside('ExecStop', 'lifecycle.preStop', null, 'make it a part of the command'),
  post_stop: inside('ExecStopPost', null, null, 'a container is gone by then'),
  hook_timeout: none('hooks count into the time of a start and of a stop', all),
  bind: inside('.socket', 'Service, containerPort', 'ports, expose', 'in a container nobody hands a listener over: the program must listen by itself'),
  unix_socket: inside('.socket', null, null, 'in a container nobody hands a listener over'),
  unix_socket_mode: inside('SocketMode', null, null, 'in a container nobody hands a listener over'),
  unix_socket_owner: inside('SocketUser, SocketGroup', null, null, 'in a container nobody hands a listener over'),
  backlog: inside('Backlog', null, null, 'in a container nobody hands a listener over'),
  balance: none('systemd has one queue, Kubernetes its Service'),
  reload_strategy: inside('ExecReload', 'strategy', null, 'a signal alone has an equal, in systemd'),
  reload_parallel: inside(null, 'strategy', null, 'one after the other'),
  reload_signal: inside('ExecReload', null, null, 'a new pod takes the place of the old one'),
  schedule: inside('.timer', 'CronJob', null, 'cron calls docker compose run'),
  timezone: inside('.timer', 'timeZone', null, 'cron has that of its machine'),
  watch: none('nobody looks at files'),
  single_instance: none('one cluster, one program'),
  lease: none('one cluster, one program'),
  etcd_ca: none('one cluster, one program'),
  etcd_cert: none('one cluster, one program'),
  etcd_key: none('one cluster, one program'),
}
