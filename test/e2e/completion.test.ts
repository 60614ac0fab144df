// Completion in real shells, with a real master: what is offered, and that nothing of what was typed is
// ever carried out.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { missing, root, sceneOf } from '../helpers/scene.ts'

const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 3\n[web-api]\ncommand = sleep 600\n[mail]\ncommand = sleep 600\n[group:daemons]\nprograms = web, mail\n[hosts]\nred = me@10.0.0.1\ngreen = 10.0.0.2\n`

/** Runs a script in a shell in which `phctl` is found on the PATH, and gives its lines. */
function run(
  shell: string,
  script: string,
  master: Pick<Master, 'dir' | 'scene'>,
  args: readonly string[] = [],
): Promise<string[]> {
  const bin = path.dirname(
    master.scene.write('bin/phctl', `#!/bin/sh\nexec ${process.execPath} ${root}/dist/bin/phctl.cjs "$@"\n`, 0o755),
  )
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: master.dir,
    PHD_SOCKET: `${master.dir}/phd.sock`,
    TERM: 'dumb',
  }
  return new Promise((resolve, reject) => {
    const options = { cwd: master.dir, env, encoding: 'utf8' as const, timeout: 30_000 }
    execFile(shell, [...args, '-c', script], options, (e, stdout, stderr) => {
      if (e) reject(new Error(`${e.message}\n${stderr}`))
      else if (stderr !== '') reject(new Error(`it wrote to stderr: ${stderr}`))
      else resolve(stdout.split('\n').filter((line) => line !== ''))
    })
  })
}

/** What bash would offer on each line: the words as readline hands them over, the last one being typed. */
async function bash(master: Pick<Master, 'dir' | 'scene'>, lines: readonly (readonly string[])[]): Promise<string[][]> {
  const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`
  const asks = lines.map(
    (words) => `COMP_WORDS=(phctl ${words.map(quote).join(' ')}); COMP_CWORD=${words.length}
COMP_LINE="\${COMP_WORDS[*]}" COMP_POINT=\${#COMP_LINE} COMPREPLY=()
_phctl phctl "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
printf '(%s)' "\${COMPREPLY[@]}"; echo`,
  )
  const offered = await run('bash', `source <(phctl completion bash)\n${asks.join('\n')}\nexit 0`, master, [
    '--norc',
    '--noprofile',
  ])
  return offered.map((line) =>
    line
      .slice(1, -1)
      .split(')(')
      .filter((word) => word !== ''),
  )
}

test('bash: commands, programs, processes behind their colon, options and their values', {
  skip: missing('bash'),
}, async (t) => {
  const master = await startMaster(t, ini)
  const cases = [
    [['st'], ['status', 'start', 'stop', 'startup']],
    [
      ['stop', ''],
      ['web', 'web-api', 'mail', 'daemons', 'all'],
    ],
    [
      ['stop', 'we'],
      ['web', 'web-api'],
    ],
    [
      ['stop', '"we'],
      ['web', 'web-api'],
    ],
    [
      ['stop', 'web', ''],
      ['web-api', 'mail', 'daemons', 'all'],
    ],
    [
      ['restart', 'web', ':'],
      ['0', '1', '2'],
    ],
    [['restart', 'web', ':', '2'], ['2']],
    [
      ['restart', 'web:'],
      ['web:0', 'web:1', 'web:2'],
    ],
    [
      ['logs', 'ma'],
      ['mail', 'master'],
    ],
    [
      ['--json', 'logs', '-n', '5', 'mail', 'we'],
      ['web', 'web-api'],
    ],
    [['status', 'd'], ['daemons']],
    [['scale', 'd'], []],
    [['scale', 'm'], ['mail']],
    [['scale', 'web', ''], []],
    [
      ['wait', 'web', '--state', 'ST'],
      ['STOPPED', 'STARTING', 'STOPPING', 'STANDBY'],
    ],
    [['wait', 'web', '--state', '=', 'RUN'], ['RUNNING']],
    [['status', '--columns', 'name,pid,sl'], ['name,pid,slot']],
    [['stop', '--no'], ['--no-wait']],
    [
      ['signal', 'USR'],
      ['USR1', 'USR2'],
    ],
    [['signal', 'USR1', 'ma'], ['mail']],
    [
      ['events', 'master'],
      ['master', 'master.started', 'master.adopted', 'master.upgraded', 'master.stopping'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['ping', ''], []],
    [
      ['-H', ''],
      ['red', 'green', 'all'],
    ],
    [['stop', '--host', '=', 'gr'], ['green']],
    [['-H', 'red', 'stop', ''], []],
  ] as const
  const offered = await bash(
    master,
    cases.map(([words]) => words),
  )
  cases.forEach(([words, wanted], i) => {
    assert.deepEqual(offered[i], wanted, `phctl ${words.join(' ')}`)
  })
})

test('bash: what was typed is never carried out', { skip: missing('bash') }, async (t) => {
  const master = await startMaster(t, ini)
  const trap = master.scene.path('trap')
  const nasty = [
    `$(touch ${trap})`,
    `\`touch ${trap}\``,
    `"$(touch ${trap})`,
    `'; touch ${trap}; '`,
    `; touch ${trap}`,
    `| touch ${trap}`,
    `<(touch ${trap})`,
    `\${x:=$(touch ${trap})}`,
    `a b  c`,
    `"a 'b`,
    `\\`,
    `*`,
    `-$(touch ${trap})`,
    `--state=$(touch ${trap})`,
    `$'\\n'touch`,
    `web:$(touch ${trap})`,
  ]
  const lines = nasty.flatMap((word) => [
    ['stop', word],
    ['stop', word, 'we'],
    ['-s', word, 'stop', ''],
  ])
  const offered = await bash(master, [...lines, ...nasty.map((word) => [word])])
  assert.ok(!existsSync(trap), 'it was carried out')
  assert.equal(offered.length, 4 * nasty.length)
  for (const words of offered)
    assert.ok(
      words.every((one) => /^[\w.:=-]+$/.test(one)),
      words.join(' '),
    )
  assert.deepEqual(offered[1], ['web', 'web-api'])
})

test('without a master, with one that hangs, with a broken file: nothing is offered, soon and in silence', {
  skip: missing('bash'),
}, async (t) => {
  const scene = sceneOf(t)
  const place = { dir: scene.dir, scene }
  assert.deepEqual(await bash(place, [['stop', '']]), [[]])
  scene.write('config.ini', 'nonsense\n')
  assert.deepEqual(await bash(place, [['-c', 'config.ini', 'stop', '']]), [[]])
  const { createServer } = await import('node:net')
  const deaf = createServer(() => {})
  await new Promise<void>((resolve) => deaf.listen(scene.path('phd.sock'), resolve))
  scene.after(() => void deaf.close())
  const begun = performance.now()
  const offered = new Promise<string>((resolve, reject) => {
    const env = { PATH: process.env.PATH ?? '', PHD_SOCKET: scene.path('phd.sock') }
    execFile(
      process.execPath,
      [`${root}/dist/bin/phctl.cjs`, 'complete', 'bash', 'stop', ''],
      { env },
      (e, stdout, stderr) => (e ? reject(e) : resolve(stdout + stderr)),
    )
  })
  assert.equal(await offered, '')
  assert.ok(performance.now() - begun < 2000)
  assert.deepEqual(await bash(place, [['sto']]), [['stop']], 'commands need no master')
})

test('file names are left to the shell', { skip: missing('bash') }, async (t) => {
  const scene = sceneOf(t)
  assert.deepEqual(
    await run('bash', 'phctl complete bash -c ""; phctl complete zsh check x; phctl complete fish -s a', {
      dir: scene.dir,
      scene,
    }),
    [':files', ':files', ':files'],
  )
})

test('zsh: completes programs, and carries nothing out', { skip: missing('zsh') }, async (t) => {
  const master = await startMaster(t, ini)
  const trap = master.scene.path('trap')
  // compadd outside of a completion is an error: a function in its place shows what would be offered.
  const script = (words: string): string => `compdef() { : }; source <(phctl completion zsh)
compadd() { print -rl -- $names }; words=(${words}); CURRENT=$#words; _phctl; true`
  assert.deepEqual(await run('zsh', script('phctl stop we'), master, ['-f']), ['web', 'web-api'])
  assert.deepEqual(await run('zsh', script('phctl stop web:'), master, ['-f']), ['web:0', 'web:1', 'web:2'])
  for (const word of [`'$(touch ${trap})'`, `'\`touch ${trap}\`'`, `'"a b'`]) {
    assert.deepEqual(await run('zsh', script(`phctl stop ${word}`), master, ['-f']), [])
    assert.ok(!existsSync(trap))
  }
})

test('fish: completes programs with their states, and carries nothing out', { skip: missing('fish') }, async (t) => {
  const master = await startMaster(t, ini)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const trap = master.scene.path('trap')
  const offered = (line: string): Promise<string[]> =>
    run('fish', `phctl completion fish | source; complete -C ${line}`, master, ['--no-config'])
  assert.deepEqual(await offered(`'phctl stop we'`), ['web\tRUNNING', 'web-api\tRUNNING'])
  assert.deepEqual(await offered(`'phctl stop web:'`), ['web:0\tRUNNING', 'web:1\tRUNNING', 'web:2\tRUNNING'])
  for (const word of [`(touch ${trap})`, `$(touch ${trap})`, `"a b`]) {
    await offered(`'phctl stop ${word} '`)
    assert.ok(!existsSync(trap))
  }
})

test('an unknown shell is refused', async (t) => {
  const master = await startMaster(t, ini)
  const { code, stderr } = await master.phctl('completion', 'csh')
  assert.deepEqual([code, stderr.split('\n')[0]], [2, 'phctl: cannot complete in "csh": wanted one of bash, zsh, fish'])
})
