// The commands of phctl, one row each: args.ts makes the parser from it, help.ts the help, index.ts
// must have a handler for every row that is not `later`. Data only.

export type Topic = 'Look' | 'Operate' | 'Configuration' | 'Master' | 'Other'

export interface CommandRow {
  readonly topic: Topic
  /** As the parser reads it: `<x>` must be there, `[x]` may, `...` takes many. */
  readonly args: string
  /** One line for the list of commands. */
  readonly meaning: string
  readonly options?: readonly (readonly [flags: string, meaning: string])[]
  /** What the list has no room for. */
  readonly details?: readonly string[]
  readonly examples: readonly string[]
}

const noWait = ['--no-wait', 'answer at once, do not wait until all is settled'] as const
const target = 'TARGET is a program (web), one of its processes (web:2), a group, a glob (web-*) or all.'
const settles = [
  'Waits until every process has settled.',
  '--timeout T gives up waiting after T (exit 7), and stops nothing.',
]

export const catalog = {
  status: {
    topic: 'Look',
    args: '[target...]',
    meaning: 'show processes: state, uptime, CPU, memory, and what is wrong',
    options: [
      ['-w, --watch', 'refresh once a second until interrupted'],
      ['--wide', 'more columns, and nothing cut off'],
      ['--columns <names>', 'only these columns, as name,state,pid'],
    ],
    details: [target, 'Exit 3 when a selected process is not as it is wanted.'],
    examples: ['phctl status', 'phctl status -w web', 'phctl status --columns name,pid,memory,reason'],
  },
  top: {
    topic: 'Look',
    args: '',
    meaning: 'watch and operate processes on the whole screen',
    details: [
      'Arrows select, Enter shows the log, / filters, s sorts, ? tells all keys, q quits.',
      'Asks before it stops, restarts or kills. Outlives the master, and comes back to the next one.',
      'Needs a terminal; elsewhere there is phctl status -w.',
    ],
    examples: ['phctl top', 'phctl -c /srv/app/config.ini top'],
  },
  graph: {
    topic: 'Look',
    args: '',
    meaning: 'show in which order programs start, and what each waits for',
    options: [['--mermaid', 'as a Mermaid flowchart']],
    details: ['A number begins a wave: its programs wait for earlier waves only.', 'Groups stand below.'],
    examples: ['phctl graph', 'phctl graph --mermaid > order.mmd'],
  },
  show: {
    topic: 'Look',
    args: '<target>',
    meaning: 'show the settings in force and their origin, argv, environment',
    details: [target],
    examples: ['phctl show web', 'phctl show web:1 --json'],
  },
  logs: {
    topic: 'Look',
    args: '<target...>',
    meaning: 'show the last lines of log files, and follow them',
    options: [
      ['-n, --lines <number>', 'lines of each file, from its end (default 100)'],
      ['-f, --follow', 'go on with new lines until interrupted, also over the end of the master'],
      ['--since <time>', 'only lines since then: 10m, 2h, 1d (ago), or 2026-11-28T10:00'],
      ['--grep <regex>', 'only lines that match; -n counts these'],
      ['--stderr', 'only what programs wrote to stderr'],
    ],
    details: [
      target,
      "master is the master's own log.",
      'Reads archives as well, and follows over restarts, rotation, renaming, scale and update.',
      'Lines of several files begin with a name: | is stdout (or both), ! is stderr.',
      '--since needs lines that carry their time: log_format = prefix or json, and master.',
      'In raw files it leaves out those that were not written since.',
      '--grep takes a regular expression of JavaScript, and looks into the last 100000 lines (8 MB).',
      'When the master goes it is waited for: on a terminal until Ctrl-C, elsewhere 10 s (or --timeout)',
      'if it died; if it was shut down that is the end (exit 4).',
      'With --json a document a line: time, program, name, stream, text.',
    ],
    examples: ['phctl logs web', 'phctl logs -f -n 0 web api', 'phctl logs all --since 10m --grep "ERROR|WARN"'],
  },
  events: {
    topic: 'Look',
    args: '[topic...]',
    meaning: 'follow what happens, a line an event',
    options: [['--since <seq>', 'begin with the event after this number, as far as it is kept']],
    details: [
      'Topics: process.state process.ready process.recycled process.health process.hook program.scaled',
      'program.reload program.schedule config.updated master.started master.adopted',
      'master.upgraded master.stopping log.trouble.',
      'A family (process) is all of its topics; no topic is all there are.',
      'Ends when interrupted (exit 0) or with the master (exit 4).',
      'With --json a document a line.',
    ],
    examples: ['phctl events', 'phctl events program config', 'phctl events --since 0 --json'],
  },
  pid: {
    topic: 'Look',
    args: '[target]',
    meaning: "print the master's pid, or the pids of a target, one a line",
    details: [target],
    examples: ['phctl pid', 'kill -USR1 $(phctl pid web:0)'],
  },
  info: {
    topic: 'Look',
    args: '',
    meaning: 'show facts about the master: version, pid, configuration, uptime',
    examples: ['phctl info', 'phctl info --json'],
  },
  ping: {
    topic: 'Look',
    args: '',
    meaning: 'ask the master for a sign of life',
    examples: ['phctl ping', 'phctl ping --timeout 2s || echo "no answer"'],
  },
  instances: {
    topic: 'Look',
    args: '',
    meaning: 'list the masters of a configuration: each --instance, and whether it lives',
    details: ['Those that have been started here; -c FILE or -s SOCKET says of what.'],
    examples: ['phctl instances', 'phctl -c /srv/app/config.ini instances --json'],
  },
  start: {
    topic: 'Operate',
    args: '<target...>',
    meaning: 'start what does not run',
    options: [noWait],
    details: [target, 'What it depends on is started first.', ...settles],
    examples: ['phctl start web', 'phctl start all --timeout 30s'],
  },
  stop: {
    topic: 'Operate',
    args: '<target...>',
    meaning: 'stop processes; they stay down until started',
    options: [noWait],
    details: [target, 'Of several those that depend on others stop first.', ...settles],
    examples: ['phctl stop web:2', "phctl stop 'web-*' api"],
  },
  restart: {
    topic: 'Operate',
    args: '<target...>',
    meaning: 'stop and start, all processes at once',
    options: [noWait],
    details: [target, ...settles],
    examples: ['phctl restart web', 'phctl restart web:0 web:1'],
  },
  run: {
    topic: 'Operate',
    args: '<program>',
    meaning: 'run now what ends by itself, and wait for its end',
    options: [['--no-wait', 'answer when it has begun, do not wait for its end']],
    details: [
      'For programs with a schedule, and those with autorestart = never.',
      'Refused while a run is under way. Exit 1 when the run fails.',
      '--timeout T gives up waiting after T (exit 7), and stops nothing.',
    ],
    examples: ['phctl run backup', 'phctl run backup --no-wait'],
  },
  reload: {
    topic: 'Operate',
    args: '<target...>',
    meaning: 'replace processes one after the other, by their reload_strategy',
    options: [noWait],
    details: [target, ...settles, 'The first new process that fails its start ends the reload; the old ones stay.'],
    examples: ['phctl reload web', 'phctl reload all'],
  },
  scale: {
    topic: 'Operate',
    args: '<program> <number>',
    meaning: 'run more or fewer processes of a program: N, +N or -N',
    options: [noWait, ['--save', 'also write the number into the configuration file']],
    details: [
      'The highest slots are drained.',
      'The count stands until number_workers changes in the file.',
      '--save changes number_workers in the section; what cannot be saved is not done.',
    ],
    examples: ['phctl scale web -1', 'phctl scale web 4 --save'],
  },
  signal: {
    topic: 'Operate',
    args: '<signal> <target...>',
    meaning: 'send a signal to processes: USR1, SIGUSR1, or a number',
    details: [target],
    examples: ['phctl signal USR1 web', 'phctl signal -9 web:1'],
  },
  wait: {
    topic: 'Operate',
    args: '<target...>',
    meaning: 'wait until a target is in a state',
    options: [['--state <state>', 'the state to wait for']],
    details: [
      target,
      'States: RUNNING STOPPED EXITED FATAL BACKOFF STARTING STOPPING STANDBY.',
      '--timeout T gives up after T (exit 7).',
    ],
    examples: ['phctl wait web --state RUNNING', 'phctl wait job --state EXITED --timeout 10m'],
  },
  clear: {
    topic: 'Operate',
    args: '<target...>',
    meaning: 'empty log files and remove their archives',
    details: [target],
    examples: ['phctl clear web', 'phctl clear all'],
  },
  check: {
    topic: 'Configuration',
    args: '[file]',
    meaning: 'check a configuration file here, without a master',
    details: ['Prints every problem as file:line; exit 6 when there is one.'],
    examples: ['phctl check', 'phctl check /srv/app/config.ini'],
  },
  reread: {
    topic: 'Configuration',
    args: '',
    meaning: 'show what changed in the file since the master read it',
    examples: ['phctl reread', 'phctl reread --json'],
  },
  update: {
    topic: 'Configuration',
    args: '',
    meaning: 'apply what changed in the file',
    options: [['--dry-run', 'only show what would be done'], noWait],
    examples: ['phctl update --dry-run', 'phctl update'],
  },
  import: {
    topic: 'Configuration',
    args: '<file>',
    meaning: 'make a config.ini of a supervisord.conf, PM2 file, Procfile or unit',
    options: [
      ['--from <kind>', 'supervisord, pm2, procfile or systemd (default: what it looks like)'],
      ['-o, --output <path>', 'write it to this file, which must not be there, instead of printing it'],
      ['--force', 'write over a file that is there'],
      ['--env <name>', 'PM2: with the variables of env_NAME'],
      ['--formation <list>', 'Procfile: processes of each, as web=2,worker=1'],
    ],
    details: [
      'What means something else here is said in comments, what has no equal stands as one,',
      'and stderr has a summary of both. What is printed always passes phctl check.',
      'A JavaScript file of PM2 is run, in a process apart, to learn what it says.',
    ],
    examples: ['phctl import /etc/supervisor/supervisord.conf > config.ini', 'phctl import Procfile -o config.ini'],
  },
  export: {
    topic: 'Configuration',
    args: '<kind>',
    meaning: 'make systemd units, Kubernetes or Compose files of a config.ini',
    options: [
      ['-o, --output <path>', 'write the files into this folder instead of printing them'],
      ['--force', 'write over files that are there'],
      ['--image <name>', 'kubernetes, compose: the image with the programs (default: app)'],
    ],
    details: [
      'KIND is systemd, kubernetes or compose.',
      'The configuration is -c FILE, or the one that phd would find here.',
      'What cannot be carried over is a comment in the files and a warning on stderr.',
    ],
    examples: ['phctl export systemd -o units', 'phctl -c config.ini export kubernetes --image registry/app:1'],
  },
  reopen: {
    topic: 'Master',
    args: '',
    meaning: 'reopen all log files, after they were moved',
    examples: ['phctl reopen', 'mv web.log web.log.1 && phctl reopen'],
  },
  loglevel: {
    topic: 'Master',
    args: '[level]',
    meaning: "show or set the level of the master's own log",
    details: ['trace, debug, info, warn, error or fatal.'],
    examples: ['phctl loglevel', 'phctl loglevel debug'],
  },
  upgrade: {
    topic: 'Master',
    args: '',
    meaning: 'check the phd that is installed now and become it, without stopping anything',
    examples: ['phctl upgrade', 'phctl upgrade --json'],
  },
  shutdown: {
    topic: 'Master',
    args: '',
    meaning: 'stop all processes, then the master; returns when it is gone',
    options: [['--no-wait', 'answer at once, do not wait for the end']],
    examples: ['phctl shutdown', 'phctl shutdown --timeout 1m'],
  },
  startup: {
    topic: 'Other',
    args: '',
    meaning: 'print or write the systemd unit that starts phd with the machine',
    options: [
      ['--user', "a unit of the user's own systemd (the default, but for root)"],
      ['--system', 'a unit of the system, that runs phd as you (the default for root)'],
      ['--write', 'write the unit to its place instead of printing it'],
      ['--systemd <version>', 'write for this version (default: the one that is here)'],
    ],
    details: [
      'The configuration is -c FILE, or the one that phd would find here.',
      'Says on stderr what to type next. Written again, it replaces what it wrote before.',
    ],
    examples: ['phctl startup --write', 'phctl -c /srv/app/config.ini --instance blue startup'],
  },
  call: {
    topic: 'Other',
    args: '<method> [json]',
    meaning: 'call a method of the socket and print its raw result, for scripts',
    examples: ['phctl call rpc.discover', 'phctl call status \'{"target":"web"}\''],
  },
  completion: {
    topic: 'Other',
    args: '<shell>',
    meaning: 'print the script that completes phctl in bash, zsh or fish',
    details: [
      'bash:  source <(phctl completion bash)    in ~/.bashrc',
      'zsh:   source <(phctl completion zsh)     in ~/.zshrc, after compinit',
      'fish:  phctl completion fish > ~/.config/fish/completions/phctl.fish',
    ],
    examples: ['source <(phctl completion bash)', 'phctl completion fish | source'],
  },
  help: {
    topic: 'Other',
    args: '[command]',
    meaning: 'show this list, or all about one command',
    examples: ['phctl help', 'phctl help scale'],
  },
  version: {
    topic: 'Other',
    args: '',
    meaning: 'print the version of phctl',
    examples: ['phctl version', 'phctl version --json'],
  },
} as const satisfies Record<string, CommandRow>

export type CommandName = keyof typeof catalog

/** Options that every command takes, before or after its name. */
export const globalOptions = [
  ['-s, --socket <path>', "the master's control socket"],
  ['-c, --config <file>', 'the configuration file that leads to it (./config.ini)'],
  ['--instance <name>', 'the master that was started with this --instance'],
  ['-H, --host <host>', 'masters elsewhere, by ssh: user@host[:socket], NAME, all'],
  ['--json', 'the result as JSON on stdout'],
  ['--timeout <time>', 'wait no longer than this: 10 (seconds), 500ms, 10s, 5m'],
  ['-h, --help', 'help, also for the command it stands behind'],
  ['-V, --version', 'print the version'],
] as const satisfies readonly (readonly [string, string])[]
