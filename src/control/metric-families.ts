// The metrics that there are: one row each, with what they say of a moment. Base units, names as Prometheus would
// have them. Labels are programs, slots, states and methods, so there are as many as the configuration makes.
// A test compares this table with docs/http.md.

import { type MetricFamily, ofMaster, ofPrograms, ofSlots } from './moment.ts'
import { exitKinds } from './totals.ts'

const secondsOf = (iso: string | null | undefined): number | null => (iso ? Date.parse(iso) / 1000 : null)
const results = (ok: number, error: number): readonly (readonly [string, number])[] => [
  ['ok', ok],
  ['error', error],
]
/** Only of processes that have told it. */
const told = (known: unknown, total: number): number | null => (known === null && total === 0 ? null : total)

export const families: readonly MetricFamily[] = [
  {
    name: 'phd_build_info',
    kind: 'gauge',
    help: 'Always 1; versions of phd and of Node.',
    labels: ['version', 'node'],
    samples: ({ master: { version } }) => [[[version, process.version], 1]],
  },
  ofMaster('start_time_seconds', 'gauge', 'When the master was started, Unix time.', (m) => m.startedAt / 1000),
  ofMaster('upgrades_total', 'counter', 'Upgrades in place of this master.', (m) => m.upgrades),
  ofMaster('stopping', 'gauge', '1 while the master is shutting down.', (m) => m.stopping),
  ofMaster('clients', 'gauge', 'Connections to the control socket.', (m) => m.clients),
  ofMaster('events_total', 'counter', 'Events so far: the seq of the last one.', (m) => m.events),
  {
    name: 'phd_calls_total',
    kind: 'counter',
    help: 'Calls answered since the master or its last upgrade began; method is empty for what is none of ours.',
    labels: ['method', 'result'],
    *samples({ master: { calls } }) {
      for (const [method, { ok, error }] of calls) {
        yield [[method, 'ok'], ok]
        yield [[method, 'error'], error]
      }
    },
  },
  ofMaster(
    'busy_seconds_total',
    'counter',
    'Time in which the loop of the master did not wait: all of it, and nobody else has a turn.',
    (m) => m.busySeconds,
  ),
  ofMaster('cpu_seconds_total', 'counter', 'CPU time of the master.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }),
  ofMaster('resident_memory_bytes', 'gauge', 'Resident memory of the master.', () => process.memoryUsage.rss()),

  ofPrograms('state', 'gauge', 'Always 1; the state of the program.', ({ status }) => [[status.state, 1]], 'state'),
  ofPrograms('desired_processes', 'gauge', 'Slots to keep.', ({ status }) => status.desired),
  ofPrograms('running_processes', 'gauge', 'Processes in RUNNING.', ({ status }) => status.running),
  ofPrograms('ready_processes', 'gauge', 'Processes in RUNNING that are ready.', ({ status }) => status.ready),
  ofPrograms('spawns_total', 'counter', 'Processes made.', ({ totals }) => totals.spawns),
  ofPrograms('starts_total', 'counter', 'Processes that came to RUNNING.', ({ totals }) => totals.starts),
  ofPrograms(
    'start_seconds_total',
    'counter',
    'Time from the start to RUNNING, of all starts_total together.',
    ({ totals }) => totals.startMs / 1000,
  ),
  ofPrograms(
    'failed_starts_total',
    'counter',
    'Starts that did not come to RUNNING.',
    ({ totals }) => totals.failedStarts,
  ),
  ofPrograms(
    'exits_total',
    'counter',
    'Ends of processes: as expected or asked for, by a code that is not in exit_codes, by a signal, killed for want of memory, unknown.',
    ({ totals: { exits } }) => exitKinds.map((kind) => [kind, exits[kind]] as const),
    'kind',
  ),
  ofPrograms(
    'forced_kills_total',
    'counter',
    'Ends by SIGKILL, since graceful_timeout was over.',
    ({ totals }) => totals.forced,
  ),
  ofPrograms(
    'reloads_total',
    'counter',
    'Rolling reloads that have ended.',
    ({ totals }) => results(totals.reloads, totals.failedReloads),
    'result',
  ),
  ofPrograms(
    'log_bytes_total',
    'counter',
    'Bytes of output that were taken of the processes.',
    ({ logBytes }) => logBytes,
    'stream',
  ),
  ofPrograms('next_run_time_seconds', 'gauge', 'With a schedule: when the next run begins, Unix time.', ({ status }) =>
    secondsOf(status.nextRunAt),
  ),
  ofPrograms(
    'last_run_ok',
    'gauge',
    'Of programs that end by themselves: 1 if the last run ended well.',
    ({ status }) => status.lastRun?.ok,
  ),
  ofPrograms('last_run_end_time_seconds', 'gauge', 'When the last run ended, Unix time.', ({ status }) =>
    secondsOf(status.lastRun?.endedAt),
  ),
  ofPrograms(
    'skipped_runs_total',
    'counter',
    'With a schedule: times that came while a run was under way.',
    ({ status }) => status.skippedRuns,
  ),
  ofPrograms(
    'missed_runs_total',
    'counter',
    'With a schedule: times that passed while nobody looked.',
    ({ status }) => status.missedRuns,
  ),

  ofSlots('process_state', 'gauge', 'Always 1; the state of the process.', ({ row }) => [[row.state, 1]], 'state'),
  ofSlots('process_wanted', 'gauge', '1 if the process is wanted up.', ({ row }) => row.wanted === 'up'),
  ofSlots('process_ready', 'gauge', '1 if the process is in RUNNING and ready.', ({ row }) => row.ready),
  ofSlots('process_healthy', 'gauge', 'With health_check: 1 if its checks pass.', ({ row: { health } }) =>
    health === null || health.state === 'unknown' ? null : health.state === 'passing',
  ),
  ofSlots('process_start_time_seconds', 'gauge', 'When the process was made, Unix time.', ({ row }) =>
    secondsOf(row.startedAt),
  ),
  ofSlots(
    'process_cpu_seconds_total',
    'counter',
    'CPU time of the processes of this slot, each as last seen by a scrape.',
    ({ row, totals }) => told(row.pid, totals.cpuSeconds.total),
  ),
  ofSlots('process_resident_memory_bytes', 'gauge', 'Resident memory of the process.', ({ row }) => row.memory),
  ofSlots('process_restarts_total', 'counter', 'Unplanned starts.', ({ row, totals }) =>
    Math.max(totals.restarts, row.restarts),
  ),
  ofSlots('process_recycles_total', 'counter', 'Planned replacements.', ({ row, totals }) =>
    Math.max(totals.recycles, row.recycles),
  ),
  ofSlots(
    'process_last_exit_code',
    'gauge',
    'Exit code of the last process of this slot; none where a signal ended it.',
    ({ row }) => row.exit?.code,
  ),
  ofSlots(
    'process_last_exit_time_seconds',
    'gauge',
    'When the last process of this slot ended, Unix time.',
    ({ row }) => secondsOf(row.exit?.at),
  ),
  ofSlots(
    'worker_requests_total',
    'counter',
    'SDK workers: requests handled, failed ones among them.',
    ({ row, totals }) => told(row.requests, totals.requests.total),
  ),
  ofSlots('worker_errors_total', 'counter', 'SDK workers: requests that failed.', ({ row, totals }) =>
    told(row.errors, totals.errors.total),
  ),
  ofSlots(
    'worker_requests_in_flight',
    'gauge',
    'SDK workers: requests begun and not ended.',
    ({ row }) => row.inFlight,
  ),
  ofSlots(
    'worker_request_duration_seconds',
    'gauge',
    'SDK workers: half, 95 and 99 of a hundred requests of the last minute took so long at most.',
    ({ row: { latency } }) =>
      latency && [
        ['0.5', latency.p50],
        ['0.95', latency.p95],
        ['0.99', latency.p99],
      ],
    'quantile',
  ),
]
