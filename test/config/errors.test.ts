// The text and the place of every kind of refusal. One row, one rule.

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { folder, problems, refused } from './support.ts'

const ETCD =
  'wanted true, false, or etcd://HOST:PORT/KEY (etcds:// for TLS; more hosts behind commas; USER:PASSWORD@ before them)'
const HOST = 'wanted user@host or user@host:/path/of/phd.sock (a port or a key belongs into ~/.ssh/config)'
const FORMS = 'wanted auto, notify, fd:N, tcp:HOST:PORT, http://HOST:PORT/PATH, exec:COMMAND or log:REGEX'

/** A configuration, and what must be said about it: all of it, in this order. */
// biome-ignore format: a table reads best one case a row
const table: readonly (readonly [string, readonly string[]])[] = [
  // lines and sections
  ['a = 1\n', ['config.ini:1: a: cannot stand before the first [section]']],
  ['[web]\ncommand x\ncommand = x\n', ['config.ini:2: [web] cannot read "command x": wanted key = value']],
  ['[web] ; no\ncommand = x\n', ['config.ini:1: cannot read "[web] ; no": wanted [section] alone on the line: there are no inline comments']],
  ['[web\n', ['config.ini:1: cannot read "[web": wanted [section] alone on the line']],
  ['  x\n', ['config.ini:1: cannot continue a value: an indented line continues the value above it, and there is none']],
  ['[web]\ncommand = x\n= 1\n', ['config.ini:3: [web] cannot use "" as a key: wanted letters, digits, _ . -']],
  ['[web]\ncommand = x\n[web]\ncommand = y\n', ['config.ini:3: [web] cannot stand twice: the section begins in line 1']],
  ['[web]\ncommand = x\n[program:web]\n', ['config.ini:3: [program:web] cannot stand twice: it is the same section as [web] in line 1 of config.ini']],
  ['[web]\ncommand = x\nCommand = y\n', ['config.ini:3: [web] Command: cannot stand twice: it is already set in line 2']],
  ['[web]\ncommand = x\nmax_age = 1\nkill_interval = 2\n', ['config.ini:4: [web] kill_interval: cannot stand twice: max_age in line 3 is the same key']],
  ['[web]\ncommand = x\nstdout_logfile_backups = 1\nstderr_logfile_backups = 1\n', []],
  ['[web]\ncommand = x\nstdout_logfile_backups = 1\nstderr_logfile_backups = 2\n', ['config.ini:4: [web] stderr_logfile_backups: cannot differ from stdout_logfile_backups in line 3: one limit holds for both streams']],
  ['[all]\n', ['config.ini:1: [all] cannot be the name of a program: all is reserved']],
  ['[Default]\n', ['config.ini:1: [Default] cannot be the name of a program: DEFAULT is reserved; did you mean [DEFAULT]?']],
  ['[program:master]\n', ['config.ini:1: [program:master] cannot be the name of a program: master is reserved']],
  ['[a b]\n', ['config.ini:1: [a b] cannot be the name of a program: wanted letters, digits, _ . - in "a b"']],
  ['[..]\n', ['config.ini:1: [..] cannot be the name of a program: wanted letters, digits, _ . - in ".."']],
  ['[eventlistener:x]\n', ['config.ini:1: [eventlistener:x] cannot be understood: wanted [NAME], [program:NAME] or [group:NAME]']],
  ['[group:x]\n', ['config.ini:1: [group:x] programs: cannot be left out: wanted names of programs, as web, api']],
  // keys
  ['[web]\ncommand = x\nnumber_worker = 1\n', ['config.ini:3: [web] number_worker: cannot be understood: no such key; did you mean number_workers?']],
  ['[web]\ncommand = x\nfrobnicate = 1\n', ['config.ini:3: [web] frobnicate: cannot be understood: no such key; a variable must stand in [DEFAULT] first, or begin with x_']],
  ['[master]\nsockett = x\n', ['config.ini:2: [master] sockett: cannot be understood: no such key; did you mean socket?']],
  ['[web]\ncommand = x\nsocket = y\n', ['config.ini:3: [web] socket: cannot stand here: wanted in [master] or [DEFAULT]']],
  ['[master]\ncommand = y\n', ["config.ini:2: [master] command: cannot stand here: wanted in a program's section or [DEFAULT]"]],
  ['[web]\ncommand = x\nenv.A-B = 1\n', ['config.ini:3: [web] env.A-B: cannot set "A-B": wanted a name of letters, digits and _ that begins with no digit']],
  ['[web]\ncommand = x\nlease = 30\nuser =\n', ['config.ini:3: [web] lease: cannot be used without etcd: wanted single_instance = etcd://HOST:PORT/KEY']],
  // listeners
  ['[a]\ncommand = x\nbind = 80\n', ['config.ini:3: [a] bind: cannot be "80": wanted addresses, comma separated, as 127.0.0.1:8000, [::1]:8000 or :8000; ports go from 1 to 65535']],
  ['[a]\ncommand = x\nbind = :0, :65536\n', ['config.ini:3: [a] bind: cannot be ":0": wanted addresses, comma separated, as 127.0.0.1:8000, [::1]:8000 or :8000; ports go from 1 to 65535']],
  ['[a]\ncommand = x\nbind = example.org:80\n', ['config.ini:3: [a] bind: cannot be "example.org:80": wanted addresses, comma separated, as 127.0.0.1:8000, [::1]:8000 or :8000; names are not looked up, but for localhost']],
  ['[a]\ncommand = x\nbind = [1.2.3.4]:80\n', ['config.ini:3: [a] bind: cannot be "[1.2.3.4]:80": wanted an IPv6 address in the brackets']],
  ['[a]\ncommand = x\nbind = :80,,:81\n', ['config.ini:3: [a] bind: cannot be ":80,,:81": wanted addresses, comma separated, as 127.0.0.1:8000, [::1]:8000 or :8000']],
  ['[a]\ncommand = x\nbind = :80, *:80\n', ['config.ini:3: [a] bind: cannot be: ":80" stands twice']],
  ['[a]\ncommand = x\nunix_socket = @a\n', ['config.ini:3: [a] unix_socket: cannot be "@a": wanted a path; there are no abstract sockets']],
  ['[a]\ncommand = x\nbind = :80\n[b]\ncommand = x\nbind = :81, :80\n', ['config.ini:6: [b] bind: cannot be ":80": [a] (line 3 of config.ini) listens there already']],
  ['[web]\ncommand = x\nready = soon\n', [`config.ini:3: [web] ready: cannot be "soon": ${FORMS}`]],
  ['[web]\ncommand = x\nready = notify:1\n', [`config.ini:3: [web] ready: cannot be "notify:1": ${FORMS}`]],
  ['[web]\ncommand = x\nuser = a b\n', ['config.ini:3: [web] user: cannot be "a b": wanted name or name:group, by name or number']],
  ['[web]\ncommand = x\nuser = a:\n', ['config.ini:3: [web] user: cannot be "a:": wanted name or name:group, by name or number']],
  ['[web]\ncommand = x\numask = 8\n', ['config.ini:3: [web] umask: cannot be "8": wanted up to three octal digits, as 027']],
  ['[web]\ncommand = x\numask = 1777\n', ['config.ini:3: [web] umask: cannot be "1777": wanted up to three octal digits, as 027']],
  ['[web]\ncommand = x\nnice = -41\n', ['config.ini:3: [web] nice: cannot be "-41": wanted a whole number from -40 to 40']],
  ['[web]\ncommand = x\noom_score_adj = 1001\n', ['config.ini:3: [web] oom_score_adj: cannot be "1001": wanted a whole number from -1000 to 1000']],
  ['[web]\ncommand = x\nrlimit_nofile = 1:2:3\n', ['config.ini:3: [web] rlimit_nofile: cannot be "1:2:3": wanted a limit, or soft:hard']],
  ['[web]\ncommand = x\nrlimit_nofile = 20:10\n', ['config.ini:3: [web] rlimit_nofile: cannot be "20:10": the soft limit, before the colon, is above the hard one']],
  ['[web]\ncommand = x\nrlimit_nproc = unlimited:10\n', ['config.ini:3: [web] rlimit_nproc: cannot be "unlimited:10": the soft limit, before the colon, is above the hard one']],
  ['[web]\ncommand = x\nrlimit_as = 100\n', ['config.ini:3: [web] rlimit_as: cannot be "100": wanted a size with a unit, as 512KB, 64MB, 2GB, from 0 to 909.49TB']],
  ['[web]\ncommand = x\ncpu_affinity = 3-1\n', ['config.ini:3: [web] cpu_affinity: cannot be "3-1": wanted auto, or cores by number, as 0,2-3']],
  ['[web]\ncommand = x\ncpu_affinity = 0,9000\n', ['config.ini:3: [web] cpu_affinity: cannot be "0,9000": wanted auto, or cores by number, as 0,2-3']],
  ['[web]\ncommand = x\npids_max = 0\n', ['config.ini:3: [web] pids_max: cannot be "0": wanted a whole number from 1 to 1000000000']],
  ['[web]\ncommand = x\ncpu_max = 0.001\n', ['config.ini:3: [web] cpu_max: cannot be "0.001": wanted cores, as 1.5, or percent of one, as 50%, from 1% on']],
  ['[web]\ncommand = x\nno_new_privileges = 2\n', ['config.ini:3: [web] no_new_privileges: cannot be "2": wanted true or false (yes/no, on/off, 1/0)']],
  ['[web]\ncommand = x\nready = fd:2\n', ['config.ini:3: [web] ready: cannot be "fd:2": wanted fd: with a number from 3 to 255']],
  ['[web]\ncommand = x\nready = fd:256\n', ['config.ini:3: [web] ready: cannot be "fd:256": wanted fd: with a number from 3 to 255']],
  ['[web]\ncommand = x\nready = tcp:8000\n', ['config.ini:3: [web] ready: cannot be "tcp:8000": wanted tcp:HOST:PORT, as tcp:127.0.0.1:8000 or tcp:[::1]:8000']],
  ['[web]\ncommand = x\nready = tcp:host:70000\n', ['config.ini:3: [web] ready: cannot be "tcp:host:70000": wanted tcp:HOST:PORT, as tcp:127.0.0.1:8000 or tcp:[::1]:8000']],
  ['[web]\ncommand = x\nready = http://\n', ['config.ini:3: [web] ready: cannot be "http://": wanted an address as http://127.0.0.1:8000/healthz']],
  ['[web]\ncommand = x\nready = https://h/\n', ['config.ini:3: [web] ready: cannot be "https://h/": wanted http://HOST:PORT/PATH; https needs a program: exec:COMMAND']],
  ['[web]\ncommand = x\nready = exec:\n', ['config.ini:3: [web] ready: cannot be "exec:": wanted exec: with a program and its arguments']],
  ['[web]\ncommand = x\nready = log:\n', ['config.ini:3: [web] ready: cannot be "log:": wanted log: with a regular expression']],
  ['[web]\ncommand = x\nready = log:(\n', ['config.ini:3: [web] ready: cannot be "log:(": wanted log: with a regular expression of JavaScript (/(/: Unterminated group)']],
  ['[web]\ncommand = x\nready = log:x\nlog_file = none\n', ['config.ini:3: [web] ready: cannot be log with log_file = none: no output is captured']],
  ['[web]\nworker = w.js\nready = notify\n', ['config.ini:2: [web] worker: cannot find the worker module: wanted w.js', 'config.ini:3: [web] ready: cannot be used with an SDK worker: it says itself when it is ready; wanted auto']],
  ['[DEFAULT]\nsingle_instance = etcd://x\n[web]\ncommand = x\n', [`config.ini:2: [DEFAULT] single_instance: cannot be "etcd://x": ${ETCD}`]],
  ['[web]\ncommand = x\nsingle_instance = maybe\n', ['config.ini:3: [web] single_instance: cannot be "maybe": wanted true or false (yes/no, on/off, 1/0)']],
  ['[web]\ncommand = x\nsingle_instance = etcd://root:secret@/k\n', [`config.ini:3: [web] single_instance: cannot be "etcd://root:***@/k": ${ETCD}`]],
  ['[web]\ncommand = x\nsingle_instance = etcd://a,b c/k\n', [`config.ini:3: [web] single_instance: cannot be "b c": wanted a host, as etcd1:2379, in ${ETCD.slice(7)}`]],
  ['[web]\ncommand = x\nsingle_instance = etcd://root@a/k\n', ['config.ini:3: [web] single_instance: cannot be: wanted USER:PASSWORD before the @']],
  ['[web]\ncommand = x\nsingle_instance = etcd://a/k\nlease = 10s\n', ['config.ini:4: [web] lease: cannot be 10s: wanted at least 13s, for a holder that cannot renew it must end its processes in time (graceful_timeout = 10s)']],
  ['[web]\ncommand = x\nsingle_instance = etcd://a/k\nlease = 13500ms\n', ['config.ini:4: [web] lease: cannot be 13.5s: wanted whole seconds, at most a day']],
  ['[web]\ncommand = x\nsingle_instance = etcd://a/k\netcd_ca = /nowhere/ca.pem\n', ['config.ini:4: [web] etcd_ca: cannot read /nowhere/ca.pem: ENOENT', 'config.ini:4: [web] etcd_ca: cannot be used without etcds://: wanted single_instance = etcds://HOST:PORT/KEY']],
  ['[web]\ncommand = x\nsingle_instance = etcds://a/k\netcd_cert = /dev/null\n', ['config.ini:4: [web] etcd_cert: cannot be without the other: wanted etcd_cert and etcd_key']],
  // hosts
  ['[hosts]\na = -oProxyCommand=x\nb = h:relative\nall = h\nc =\n', [`config.ini:2: [hosts] a: cannot be "-oProxyCommand=x": ${HOST}`, `config.ini:3: [hosts] b: cannot be "h:relative": ${HOST}`, 'config.ini:4: [hosts] all: cannot be the name of a host: wanted letters, digits, _ . - and not all in "all"', `config.ini:5: [hosts] c: cannot be "": ${HOST}`]],
  ['[master]\nrun_path = /r/%(instance)s\n[web]\ncommand = x\nsingle_instance = true\n', ['config.ini:5: [web] single_instance: cannot be true: run_path names the instance itself (%(instance)s), so they have no folder in common']],
  ['[web]\ncommand = x\nhealth_check = ping\n', ['config.ini:3: [web] health_check: cannot be "ping": wanted tcp:HOST:PORT, http://HOST:PORT/PATH, exec:COMMAND or log-silence:TIME']],
  ['[web]\ncommand = x\nhealth_check = log:x\n', ['config.ini:3: [web] health_check: cannot be "log:x": wanted tcp:HOST:PORT, http://HOST:PORT/PATH, exec:COMMAND or log-silence:TIME']],
  ['[web]\ncommand = x\nhealth_check = log-silence:0\n', ['config.ini:3: [web] health_check: cannot be "0": wanted a time above 0, as 10 or 500ms']],
  ['[web]\ncommand = x\nhealth_check = log-silence:30s\nlog_file = none\n', ['config.ini:3: [web] health_check: cannot be log-silence with log_file = none: no output is captured']],
  ['[web]\ncommand = x\nhealth_interval = 0\n', ['config.ini:3: [web] health_interval: cannot be "0": wanted a time above 0, as 10 or 500ms']],
  ['[web]\ncommand = x\nhealth_failures = 0\n', ['config.ini:3: [web] health_failures: cannot be "0": wanted a whole number from 1 to 1000']],
  ['[web]\ncommand = x\nhealth_action = signal\n', ['config.ini:3: [web] health_action: cannot be "signal": wanted restart, none or signal:NAME, as signal:USR2']],
  ['[web]\ncommand = x\nhealth_action = signal:BANG\n', ['config.ini:3: [web] health_action: cannot be "BANG": wanted a signal, as TERM, SIGINT or 15']],
  ['[web]\ncommand = x\npre_start = "\n', ['config.ini:3: [web] pre_start: cannot end inside a quotation: a closing " is missing']],
  ['[web]\ncommand = x\nhook_timeout = 0\n', ['config.ini:3: [web] hook_timeout: cannot be "0": wanted a time above 0, as 30 or 500ms']],
  // values
  ['[web]\ncommand = x\nnumber_workers = 10001\n', ['config.ini:3: [web] number_workers: cannot be "10001": wanted a whole number from 0 to 10000, or auto']],
  ['[web]\ncommand = x\nnumber_workers = 2 ; two\n', ['config.ini:3: [web] number_workers: cannot be "2 ; two": wanted a whole number from 0 to 10000, or auto (there are no inline comments: put the comment on a line of its own)']],
  ['[web]\ncommand = x\nautostart = yes # sure\n', ['config.ini:3: [web] autostart: cannot be "yes # sure": wanted true or false (yes/no, on/off, 1/0) (there are no inline comments: put the comment on a line of its own)']],
  ['[web]\ncommand = x\ngraceful_timeout = 10 s\n', ['config.ini:3: [web] graceful_timeout: cannot be "10 s": wanted a time: seconds, or with a unit, as 500ms, 10s, 5m, 2h, 1d']],
  ['[web]\ncommand = x\ngraceful_timeout = -1\n', ['config.ini:3: [web] graceful_timeout: cannot be "-1": wanted a time: seconds, or with a unit, as 500ms, 10s, 5m, 2h, 1d']],
  ['[web]\ncommand = x\ngraceful_timeout = 9999d\n', ['config.ini:3: [web] graceful_timeout: cannot be "9999d": wanted a time of at most 3650d']],
  ['[web]\ncommand = x\nlog_pipe_size = 50M\n', ['config.ini:3: [web] log_pipe_size: cannot be "50M": wanted a size with a unit, as 512KB, 64MB, 2GB, from 4KB to 1GB']],
  ['[DEFAULT]\nmax_message = 100\n', ['config.ini:2: [DEFAULT] max_message: cannot be "100": wanted a size with a unit, as 512KB, 64MB, 2GB, from 1KB to 1GB']],
  ['[web]\ncommand = x\nexit_codes = 0,256\n', ['config.ini:3: [web] exit_codes: cannot be "256": wanted a whole number from 0 to 255']],
  ['[web]\ncommand = x\nautorestart = maybe\n', ['config.ini:3: [web] autorestart: cannot be "maybe": wanted one of always, on-failure, never']],
  ['[web]\ncommand = x\nstop_signal = SIGFOO\n', ['config.ini:3: [web] stop_signal: cannot be "SIGFOO": wanted a signal, as TERM, SIGINT or 15']],
  ['[master]\nsocket_mode = 0800\n', ['config.ini:2: [master] socket_mode: cannot be "0800": wanted three octal digits, as 0600']],
  ['[web]\ncommand = x\nbackoff_initial = 1m\n', ['config.ini:3: [web] backoff_initial: cannot be: backoff_initial is longer than backoff_max']],
  ['[web]\ncommand = x\nmax_age_jitter = 200%%\n', ['config.ini:3: [web] max_age_jitter: cannot be "200%": wanted at most 100%']],
  ['[web]\ncommand = x\nenvironment = A=1,A=2\n', ['config.ini:3: [web] environment: cannot set A twice']],
  ['[web]\ncommand = x\nenvironment = A="1\n', ['config.ini:3: [web] environment: cannot read "A=\\"1": wanted pairs as A=1,B="two words"']],
  ['[web]\nbase_path = /x/%(slot)s\ncommand = x\nenv_file = .env\nwatch = src\n', ['config.ini:4: [web] env_file: cannot read it: base_path differs by slot, and one file serves all; wanted an absolute path', 'config.ini:5: [web] watch: cannot watch that: base_path differs by slot; wanted an absolute path']],
  ['[web]\ncommand = x\nenv_file = .env\n', ['config.ini:3: [web] env_file: cannot read the file: there is no such file (ENOENT) (.env)']],
  // interpolation
  ['[web]\ncommand = x 50%\n', ['config.ini:2: [web] command: cannot read the % in "%": wanted %(name)s, or write %% for a percent sign']],
  ['[DEFAULT]\nunused = 50% off\n', ['config.ini:2: [DEFAULT] unused: cannot read the % in "% off": wanted %(name)s, or write %% for a percent sign']],
  ['[web]\ncommand = %(nope)s\n', ['config.ini:2: [web] command: cannot replace %(nope)s: no such name in the section, in [DEFAULT] or among the built-in names']],
  ['[DEFAULT]\nlog_file = %(nope)s\n[web]\ncommand = x\n', ['config.ini:2: [DEFAULT] log_file: cannot replace %(nope)s: no such name in the section, in [DEFAULT] or among the built-in names (inherited by [web])']],
  ['[web]\ncommand = %(ENV_NOPE)s\n', ['config.ini:2: [web] command: cannot replace %(ENV_NOPE)s: NOPE is not set in the environment of the master']],
  ['[DEFAULT]\na = %(b)s\nb = %(a)s\n[web]\ncommand = %(a)s\n', ['config.ini:3: [DEFAULT] b: cannot end: %(a)s -> %(b)s -> %(a)s is a cycle']],
  ['[web]\ncommand = %(command)s\n', ['config.ini:2: [web] command: cannot end: %(command)s -> %(command)s is a cycle']],
  ['[web]\ncommand = x\nnumber_workers = %(slot)s\n', ['config.ini:3: [web] number_workers: cannot use %(slot)s here: only what a process is started with differs by slot']],
  ['[master]\npidfile = %(slot)s\n', ['config.ini:2: [master] pidfile: cannot replace %(slot)s: no such name in the section, in [DEFAULT] or among the built-in names']],
  ['[web]\ncommand = %(program)03d\n', ['config.ini:2: [web] command: cannot write %(program)03d: its value is not a number']],
  // what to run
  ['[web]\n', ['config.ini:1: [web] worker: cannot tell what to run: wanted worker or command, or one of web.js, web.mjs, web.ts in .']],
  ['[web]\nbase_path = x%(slot)s\n', ['config.ini:1: [web] worker: cannot find a worker module: base_path differs by slot']],
  ['[web]\nworker = a\ncommand = b\n', ['config.ini:2: [web] worker: cannot find the worker module: wanted a.js or a.mjs or a.ts', 'config.ini:3: [web] command: cannot stand beside worker (line 2): wanted one of them']],
  ['[web]\ncommand = "x\n', ['config.ini:2: [web] command: cannot end inside a quotation: a closing " is missing']],
  ['[web]\ncommand = x \\\n', ['config.ini:2: [web] command: cannot end with a backslash: nothing follows that it could protect']],
  ['[web]\ncommand = ""\n', ['config.ini:2: [web] command: cannot be "\\"\\"": wanted a program and its arguments']],
  ['[web]\ncommand = x\nmax_concurrency = 5\n', ['config.ini:3: [web] max_concurrency: cannot be used with command: it needs an SDK worker']],
  ['[web]\ncommand = x\nmax_requests = 5\nworker_timeout = 5\n', ['config.ini:3: [web] max_requests: cannot be used with command: it needs an SDK worker', 'config.ini:4: [web] worker_timeout: cannot be used with command: it needs an SDK worker, or ready = notify and its WATCHDOG=1']],
  // files
  ['[a]\ncommand = x\nlog_file = l\n[b]\ncommand = x\nlog_file = ./l\n', ['config.ini:6: [b] log_file: cannot be "l": that is the log_file of [a] (line 3 of config.ini) already']],
  ['[a]\ncommand = x\nlog_file = %(slot)s\n[b]\ncommand = x\nlog_file = %(slot)s\n', ['config.ini:6: [b] log_file: cannot be "%(slot)s": that is the log_file of [a] (line 3 of config.ini) already']],
  ['[a]\ncommand = x\nlog_file = l\nstderr_log_file = l\n', ['config.ini:4: [a] stderr_log_file: cannot be "l": that is the log_file of [a] (line 3 of config.ini) already; leave it out, and stderr goes where stdout goes']],
  ['[a]\ncommand = x\nlog_file = phd.log\n', ['config.ini:3: [a] log_file: cannot be "phd.log": that is the log_file of the master already']],
  ['[master]\nsocket = x\npidfile = x\n', ['config.ini:3: [master] pidfile: cannot be "x": that is socket already']],
  ['[a]\ncommand = x\nlog_file = merged\n', ['config.ini:3: [a] log_file: cannot be merged: only stderr goes where stdout goes']],
  [`[master]\nsocket = /${'x'.repeat(107)}\n`, [`config.ini:2: [master] socket: cannot be longer than 107 bytes: "/${'x'.repeat(76)}..." has 108`]],
  [`[master]\nrun_path = /${'é'.repeat(34)}\n`, [`config.ini:2: [master] run_path: cannot be longer than 67 bytes: "/${'é'.repeat(34)}" has 69`]],
  // includes
  ['[include]\nfiles = none.ini\n', ['none.ini: cannot read the file: there is no such file (ENOENT)']],
  ['[include]\nfiles = *.ini\n', ['config.ini:2: [include] files: cannot include the file itself: "*.ini" matches it']],
  ['[include]\nfiles = **/x.ini\n', ['config.ini:2: [include] files: cannot use **: a pattern goes one folder deep at a time']],
  ['[include]\nfile = x\n', ['config.ini:1: [include] files: cannot be left out: wanted file names or patterns, as conf.d/*.ini', 'config.ini:2: [include] file: cannot be understood: [include] has one key, files']],
]
for (const [text, expected] of table) {
  test(`refused: ${JSON.stringify(text.slice(0, 70))}`, (t) => assert.deepEqual(problems(t, text), expected))
}

test('everything is told at once, over all files, in the order of the lines', (t) => {
  const files = { 'inc.ini': '[c]\nnope = 1\ncommand = x\n[include]\nfiles = y\n[a]\ncommand = x\n' }
  assert.deepEqual(
    problems(
      t,
      '[include]\nfiles = inc.ini\n[a]\ncommand = x\nstart_seconds = no\n[b]\nstart_retries = -2\ncommand = y\n',
      {},
      files,
    ),
    [
      'inc.ini:2: [c] nope: cannot be understood: no such key; a variable must stand in [DEFAULT] first, or begin with x_',
      'inc.ini:4: [include] cannot stand in an included file: includes go one level deep',
      'inc.ini:6: [a] cannot stand twice: it is the same section as [a] in line 3 of config.ini',
      'config.ini:5: [a] start_seconds: cannot be "no": wanted a time: seconds, or with a unit, as 500ms, 10s, 5m, 2h, 1d',
      'config.ini:7: [b] start_retries: cannot be "-2": wanted a whole number from -1 to 1000000',
    ],
  )
})

test('a thousand faults are cut at a hundred', (t) => {
  const dir = folder(t, { 'config.ini': `[a]\ncommand = x\n${'junk\n'.repeat(1000)}` })
  const file = path.join(dir, 'config.ini')
  assert.equal(refused(file, dir).length, 100)
  assert.throws(() => loadConfig(file), { code: 'PH_CONFIG', message: /:102: .*\n\.\.\. and 900 more$/ })
})
