// A log that cannot be written: a disk that is really full, a file system that really turned read-only, and errors
// that the kernel is made to answer with (strace). With log_full = block nothing is lost; with drop nobody waits.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { connect } from '../../src/api/client.ts'
import type { Happening } from '../../src/api/contract.ts'
import { succeed } from '../helpers/adoption.ts'
import { type Master, startMaster } from '../helpers/master.ts'
import { accounted, doesNotWait, NOTE, progressOf, talks } from '../helpers/never-waits.ts'
import { descriptorsOf } from '../helpers/proc.ts'
import { missing, needsRoot, sceneOf, until, within } from '../helpers/scene.ts'

/** What a client of the socket hears of logs. */
async function troublesOf(master: Master): Promise<Happening[]> {
  const client = await connect(master.socket)
  master.scene.after(() => client.close())
  const heard: Happening[] = []
  const stream = client.events({ topics: ['log.trouble'] })
  await within('the answer to events', stream.begun)
  void (async () => {
    for await (const one of stream) if ('topic' in one) heard.push(one)
  })()
  return heard
}

/** A file system at `small`; false = it cannot be here. */
function mounted(t: TestContext, ...args: readonly string[]): boolean {
  const scene = sceneOf(t)
  mkdirSync(scene.path('small'))
  try {
    execFileSync('mount', [...args, scene.path('small')], { stdio: 'ignore' })
  } catch {
    t.skip('may not mount')
    return false
  }
  scene.after(() => void execFileSync('umount', ['-l', scene.path('small')]))
  return true
}

async function ended(master: Master): Promise<string[]> {
  master.scene.write('enough', '')
  await until('its last line', () => master.lines('small/talk.log').at(-1)?.startsWith('end '))
  return master.lines('small/talk.log')
}

test('row 43: ENOSPC and log_full = drop: the process never waits, what is missing is counted and said', {
  skip: needsRoot,
}, async (t) => {
  if (!mounted(t, '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs')) return
  const master = await startMaster(t, talks('log_full = drop\n'))
  const { scene } = master
  const heard = await troublesOf(master)
  await until('the trouble', () => heard.length > 0 || master.lines('small/talk.log').length > 0)
  await master.logged('the trouble', (line) => line.msg === 'cannot log')
  await doesNotWait(scene)
  execFileSync('mount', ['-o', 'remount,size=64m', scene.path('small')])
  const again = await master.logged('the recovery', (line) => line.msg === 'log written again')
  const lines = await ended(master)
  const gone = accounted(lines)
  assert.ok(gone > 40_000, `${gone} lines are missing`)
  assert.match(NOTE.exec(lines.find((line) => NOTE.test(line)) ?? '')?.[3] ?? '', /ENOSPC/)
  const bytes = Number(NOTE.exec(lines.find((line) => NOTE.test(line)) ?? '')?.[2])
  assert.deepEqual(again.dropped, { lines: gone, bytes })
  await until('the event', () => heard.some(({ error }) => error === null))
  assert.deepEqual(heard.find(({ error }) => error === null)?.dropped, { lines: gone, bytes })
  assert.equal((await master.process('talk:0')).restarts, 0)
})

test('row 43: kill -9 master while lines are dropped: no two lines become one, the process goes on', {
  skip: needsRoot,
}, async (t) => {
  if (!mounted(t, '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs')) return
  const ini = talks('log_full = drop\n')
  const first = await startMaster(t, ini)
  await first.logged('the trouble', (line) => line.msg === 'cannot log')
  await doesNotWait(first.scene)
  const { pid } = await first.process('talk:0')
  const second = await succeed(t, first, ini)
  await second.logged('the trouble', (line) => line.msg === 'cannot log')
  await doesNotWait(second.scene)
  assert.equal((await second.process('talk:0')).pid, pid)
  execFileSync('mount', ['-o', 'remount,size=64m', second.scene.path('small')])
  // The line that was begun when the disk was full has lost its end.
  const lines = await ended(second)
  assert.ok(accounted(lines, 1) > 40_000)
  const joined = lines.filter((line) => /.line \d+$/.test(line))
  assert.deepEqual(joined, [])
})

test('row 43: an upgrade while lines are dropped: the count goes on, and no line is torn', {
  skip: needsRoot,
}, async (t) => {
  if (!mounted(t, '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs')) return
  const master = await startMaster(t, talks('log_full = drop\n'))
  const { scene } = master
  await master.logged('the trouble', (line) => line.msg === 'cannot log')
  await doesNotWait(scene)
  assert.equal((await master.phctl('upgrade')).code, 0)
  await doesNotWait(scene)
  execFileSync('mount', ['-o', 'remount,size=64m', scene.path('small')])
  const lines = await ended(master)
  const gone = accounted(lines)
  assert.ok(gone > 80_000, `${gone} lines are missing`)
  const notes = lines.filter((line) => NOTE.test(line))
  assert.equal(notes.length, 1, 'said once')
  const told = master.lines('phd.log').map((line) => JSON.parse(line) as { msg: string; dropped?: object })
  const again = told.find(({ msg }) => msg === 'log written again')
  assert.deepEqual(again?.dropped, { lines: gone, bytes: Number(NOTE.exec(notes[0] ?? '')?.[2]) })
  assert.equal(told.filter(({ msg }) => msg === 'cannot log').length, 1)
})

test('row 43: a crash loop while the disk is full: those who wait with their last words are bounded in number', {
  skip: needsRoot,
}, async (t) => {
  if (!mounted(t, '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs')) return
  const scene = sceneOf(t)
  execFileSync('sh', ['-c', `head -c 1000000 /dev/zero > ${scene.path('small/ballast')} || :`], { stdio: 'ignore' })
  const master = await startMaster(
    t,
    '[crash]\ncommand = sh -c "echo last words"\nlog_file = small/crash.log\nstart_retries = -1\n' +
      'backoff_initial = 1ms\nbackoff_max = 1ms\nstart_seconds = 50ms\n',
  )
  const heard = await troublesOf(master)
  const dropped = (): number => heard.filter(({ error }) => /too many ended processes/.test(String(error))).length
  await until('the first that has to go', () => dropped() > 0)
  const before = descriptorsOf(master.pid).size
  const so = dropped()
  await until('others', () => dropped() > so + 5)
  assert.ok(descriptorsOf(master.pid).size - before <= 4, 'descriptors do not pile up')
  await master.call('stop', { target: 'crash' })
  rmSync(scene.path('small/ballast'))
  await until('it is written again', () => heard.at(-1)?.error === null)
  const gone = dropped()
  assert.deepEqual(heard.at(-1)?.dropped, { lines: gone, bytes: gone * 'last words\n'.length })
  await until('the last words of the others', () => master.lines('small/crash.log').length >= 32)
})

test('row 43: a crash loop of the silent while the disk is full: who had nothing to say waits for nothing', {
  skip: needsRoot,
}, async (t) => {
  if (!mounted(t, '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs')) return
  const scene = sceneOf(t)
  execFileSync('sh', ['-c', `head -c 1000000 /dev/zero > ${scene.path('small/ballast')} || :`], { stdio: 'ignore' })
  const command = `command = sh -c '[ $PHD_SLOT = 1 ] && exit 1; echo so; exec sleep 1000'\n`
  const quickly = 'start_retries = -1\nbackoff_initial = 1ms\nbackoff_max = 1ms\nstart_seconds = 50ms\n'
  const ini = `[both]\n${command}number_workers = 2\nlog_file = small/both.log\n${quickly}`
  const master = await startMaster(t, ini)
  await master.logged('the trouble', (line) => line.msg === 'cannot log')
  const restarts = async (): Promise<number> => (await master.process('both:1')).restarts
  const [before, from] = [descriptorsOf(master.pid).size, await restarts()]
  await until('many ends', async () => (await restarts()) > from + 20)
  assert.ok(descriptorsOf(master.pid).size - before <= 4, 'descriptors do not pile up')
})

/** The kernel answers the master's writes to the log with the error, until the end of it. */
async function failing(master: Master, error: string): Promise<{ end(): Promise<void> } | null> {
  const trace = master.scene.path('trace')
  const calls = 'splice,write,pwrite64'
  const log = master.scene.path('small/talk.log')
  const args = [
    '-f',
    '-p',
    `${master.pid}`,
    '-o',
    trace,
    '-P',
    log,
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${calls}:error=${error}`,
  ]
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  strace.stderr.setEncoding('utf8')
  let said = ''
  strace.stderr.on('data', (text: string) => {
    said += text
  })
  const end = once(strace, 'exit')
  await until('strace', () => / attached/.test(said) || strace.exitCode !== null)
  if (strace.exitCode !== null) return null
  return {
    async end() {
      strace.kill('SIGTERM')
      await end
    },
  }
}

for (const { error, full } of [
  { error: 'EIO', full: 'block' },
  { error: 'EIO', full: 'drop' },
  { error: 'EDQUOT', full: 'block' },
  { error: 'EDQUOT', full: 'drop' },
  { error: 'EROFS', full: 'drop' },
] as const) {
  test(`row 44: ${error} from the log, ${full}: as a full disk, an event says it, and all is accounted for`, {
    skip: missing('strace'),
  }, async (t) => {
    const master = await startMaster(t, talks(`log_full = ${full}\n`))
    const heard = await troublesOf(master)
    await until('some lines', () => master.lines('small/talk.log').length > 1000)
    const failure = await failing(master, error)
    if (!failure) return t.skip('may not trace')
    try {
      await until('the event', () => heard.length > 0)
      assert.equal(heard[0]?.file, master.scene.path('small/talk.log'))
      assert.match(String(heard[0]?.error), new RegExp(error))
      if (full === 'drop') await doesNotWait(master.scene)
      assert.equal(await master.call('ping', {}), 'pong')
    } finally {
      await failure.end()
    }
    await until('the end of it', () => heard.at(-1)?.error === null)
    assert.deepEqual(
      heard.map((one) => one.error === null),
      [false, true],
    )
    const gone = accounted(await ended(master))
    assert.equal(gone > 0, full === 'drop')
    assert.equal((await master.process('talk:0')).restarts, 0)
  })
}

test('row 44: EROFS, a disk that turns read-only under the log: said, and written on when it can be', {
  skip: needsRoot || missing('mkfs.ext4'),
}, async (t) => {
  const scene = sceneOf(t)
  scene.write('image', '')
  execFileSync('truncate', ['-s', '8M', scene.path('image')])
  execFileSync('mkfs.ext4', ['-q', scene.path('image')])
  if (!mounted(t, '-o', 'loop,errors=remount-ro', scene.path('image'))) return
  const disk = execFileSync('findmnt', ['-no', 'SOURCE', scene.path('small')], { encoding: 'utf8' }).trim()
  const trigger = `/sys/fs/ext4/${disk.replace('/dev/', '')}/trigger_fs_error`
  if (!existsSync(trigger)) return t.skip('this kernel makes no errors')
  const master = await startMaster(t, talks('log_full = drop\n'))
  const heard = await troublesOf(master)
  await until('some lines', () => master.lines('small/talk.log').length > 1000)
  execFileSync('sh', ['-c', `echo 1 > ${trigger}`])
  await until('the event', () => heard.length > 0)
  assert.match(String(heard[0]?.error), /EROFS|EIO/)
  await doesNotWait(scene)
  // Another disk in its place.
  execFileSync('umount', ['-l', scene.path('small')])
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', scene.path('small')])
  await until('the end of it', () => heard.at(-1)?.error === null)
  const lines = await ended(master)
  assert.match(lines.find((line) => line.startsWith('phd: ')) ?? '', NOTE)
  assert.equal((await master.process('talk:0')).restarts, 0)
})

test('row 45: log folder removed and in the way of itself: said once, and what is printed since is kept', async (t) => {
  const master = await startMaster(t, talks(''))
  const { scene } = master
  const heard = await troublesOf(master)
  await until('some lines', () => master.lines('small/talk.log').length > 1000)
  rmSync(scene.path('small'), { recursive: true })
  scene.write('small', 'a file where the folder was')
  await until('the event', () => heard.length > 0)
  const { count } = progressOf(scene)
  await until('the process waits', async () => {
    const before = progressOf(scene).count
    await new Promise((resolve) => setTimeout(resolve, 1_500)) // it is tried again meanwhile
    return progressOf(scene).count === before
  })
  assert.equal(heard.length, 1, 'told once')
  rmSync(scene.path('small'))
  const lines = await ended(master)
  const first = Number(lines[0]?.slice('line '.length))
  assert.ok(first <= count + 200, `${first} is the first that was kept, and ${count} had been printed`)
  lines.slice(0, -1).forEach((line, n) => {
    assert.equal(line, `line ${first + n}`)
  })
  assert.deepEqual(
    heard.map((one) => one.error === null),
    [false, true],
  )
})
