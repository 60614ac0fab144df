// `npm run pictures`: makes the pictures of docs/ anew, from a real master and a real `phctl top` in tmux. A minute,
// most of which is waiting for curves to have something to show.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { svgOf } from './terminal-svg.ts'
import { folder, removeFolder, root, startMaster } from './tools.ts'

const ini = `[DEFAULT]
start_seconds = 100ms
[web]
command = sh -c 'while :; do for i in 1 2 3 4 5 6 7 8 9; do echo "GET /orders/$i 200 $((i * 7 %% 40)) ms"; sleep 0.$((i %% 4 + 1)); done; done'
number_workers = 3
[mail]
worker = work.js
number_workers = 2
[thumbnails]
command = node thumbnails.js
[report]
command = sh -c 'echo "cannot reach the database" >&2; sleep 1; exit 1'
backoff_max = 20
[backup]
command = true
schedule = 0 4 * * *
`

const worker = `import { SyncWorker } from 'processhandler/worker'
export default class Mail extends SyncWorker {
  async handleRequest() {
    await new Promise((done) => setTimeout(done, 20 + Math.random() * 30))
    if (this.nr % 20 === 0) this.logger.info({ sent: this.nr }, 'mails sent')
  }
}
`

const thumbnails = `let n = 0
const resize = () => {
  const end = Date.now() + 40 + 160 * Math.abs(Math.sin(n / 12))
  while (Date.now() < end);
  kept.push(Buffer.alloc(400_000, n))
  if (kept.length > 60) kept = []
  console.log('resized image ' + ++n)
}
let kept = []
setInterval(resize, 500)
`

const seconds = (count: number): Promise<void> => new Promise((done) => setTimeout(done, count * 1000))

async function pictures(): Promise<void> {
  const base = join(folder, 'shop')
  mkdirSync(join(base, 'node_modules'), { recursive: true })
  symlinkSync(root, join(base, 'node_modules/processhandler'))
  writeFileSync(join(base, 'package.json'), '{ "type": "module" }\n')
  writeFileSync(join(base, 'work.js'), worker)
  writeFileSync(join(base, 'thumbnails.js'), thumbnails)
  const master = await startMaster(ini, base)
  const tmux = (...args: readonly string[]): string =>
    execFileSync('tmux', ['-S', join(folder, 'tmux.sock'), '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', NO_COLOR: '' },
    })
  try {
    const top = `exec ${process.execPath} ${join(root, 'dist/bin/phctl.cjs')} -s ${join(base, 'phd.sock')} top`
    tmux('new-session', '-d', '-x', '120', '-y', '40', top)
    await seconds(70)
    await master.client.call('restart', { target: 'web:1' })
    tmux('send-keys', '/', 'thumb', 'Enter')
    await seconds(0.5)
    tmux('send-keys', 'g')
    await seconds(0.5)
    tmux('send-keys', 'Escape')
    await seconds(12)
    const words = 'phctl top: programs and their processes, curves of one, its log, and events'
    writeFileSync(
      join(root, 'docs/pictures/top.svg'),
      svgOf(shown(tmux('capture-pane', '-e', '-N', '-p'), base), 120, words),
    )
    tmux('resize-window', '-x', '80', '-y', '24')
    await seconds(2)
    intoPage('docs/top.md', shown(tmux('capture-pane', '-p'), base))
  } finally {
    tmux('kill-server')
    await master.end()
  }
}

/** As it would look where people have their services. */
function shown(capture: string, base: string): string {
  const [is, shall] = [`${base}/phd.sock`, '/srv/shop/phd.sock']
  return capture.replace(is, shall + ' '.repeat(is.length - shall.length))
}

/** Between the marks of the page. */
function intoPage(page: string, text: string): void {
  const file = join(root, page)
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd())
  const block = `<!-- screen -->\n\`\`\`text\n${lines.join('\n')}\n\`\`\`\n<!-- /screen -->`
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(/<!-- screen -->[\s\S]*<!-- \/screen -->/, () => block),
  )
}

try {
  await pictures()
} finally {
  removeFolder()
}
