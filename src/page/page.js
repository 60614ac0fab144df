// The page of one master: what runs, what happens, and the log of what is selected. All text goes in as text: a line of a
// log is no HTML. The token is in the fragment of the URL once, or asked for; then this tab keeps it.

const at = (id) => document.getElementById(id)
const TOKEN = 'phd-token'
/** Use of CPU and memory is no event. */
const LOOK_MS = 3_000
/** Many events at once are one look. */
const GATHER_MS = 100
const AGAIN_MS = [500, 1_000, 2_000, 5_000]
const MOST_EVENTS = 200
const MOST_LINES = 2_000

let token = sessionStorage.getItem(TOKEN)
let may = false
let pressed = false
let lookAt = 0
/** The log that is shown. */
let log = null

function make(tag, className, text) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

class Unknown extends Error {}

async function ask(path, options = {}) {
  const headers = { Authorization: `Bearer ${token}`, ...options.headers }
  const response = await fetch(path, { ...options, headers })
  if (response.status === 401) throw new Unknown(await response.text())
  return response
}

async function call(method, params = {}) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const response = await ask('/rpc', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  const { error, result } = JSON.parse(text)
  if (error) throw new Error(error.message)
  return result
}

/** Server-sent events, read by fetch: EventSource has no place for a token but the URL. Resolves when they end. */
async function follow(path, signal, heard) {
  const response = await ask(path, { signal })
  if (!response.ok) {
    const text = await response.text()
    let why = text
    try {
      why = JSON.parse(text).error.message
    } catch {
      // plain words
    }
    throw new Error(why)
  }
  let rest = ''
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    const frames = (rest + value).split('\n\n')
    rest = frames.pop()
    for (const frame of frames) {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(frame) ?? []
      if (name) heard(name, JSON.parse(data))
    }
  }
}

const pause = (ms, signal) =>
  new Promise((done) => {
    setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })

/** Follows, and comes back when the line breaks: a restart of the master is nothing to be told of. */
async function keepFollowing(path, signal, heard, lost) {
  for (let failures = 0; !signal.aborted; ) {
    try {
      await follow(path(), signal, (name, data) => {
        failures = 0
        heard(name, data)
      })
      if (!signal.aborted) lost(null)
    } catch (e) {
      if (signal.aborted) return
      if (e instanceof Unknown) return askForToken(e.message)
      lost(e)
    }
    await pause(AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)], signal)
  }
}

// What runs

const UNITS = ['B', 'K', 'M', 'G', 'T']
function size(bytes) {
  if (bytes === null) return '-'
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const amount = bytes / 1024 ** power
  return `${amount.toFixed(power > 0 && amount < 10 ? 1 : 0)}${UNITS[power]}`
}

function duration(seconds) {
  if (seconds === null) return '-'
  const whole = Math.floor(seconds)
  if (whole < 60) return `${whole}s`
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${whole % 60}s`
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}h${Math.floor((whole % 3_600) / 60)}m`
  return `${Math.floor(whole / 86_400)}d${Math.floor((whole % 86_400) / 3_600)}h`
}

const sum = (list, key) => list.reduce((all, one) => (one[key] === null ? all : (all ?? 0) + one[key]), null)
const percent = (cpu) => (cpu === null ? '-' : `${cpu.toFixed(1)}%`)

function row(kind, name, state, { uptime, cpu, memory, restarts, why }) {
  const made = make('tr', kind)
  made.dataset.name = name
  const first = make('td')
  const open = make('button', 'name', name)
  open.type = 'button'
  open.title = `the log of ${name}`
  open.addEventListener('click', () => show(name))
  first.append(open)
  made.append(
    first,
    make('td', state, state),
    make('td', 'number', duration(uptime)),
    make('td', 'number', percent(cpu)),
    make('td', 'number', size(memory)),
    make('td', 'number', String(restarts ?? 0)),
    make('td', 'wide why', why ?? ''),
  )
  return made
}

function acts(program) {
  const made = make('tr', 'acts')
  const cell = make('td')
  cell.colSpan = 7
  const { program: name, desired } = program
  const act = (label, method, params, question) => {
    const button = make('button', '', label)
    button.type = 'button'
    button.addEventListener('click', async () => {
      if (question && !confirm(question)) return
      await operate(method, { ...params, wait: false })
    })
    cell.append(button)
  }
  act('Start', 'start', { target: name })
  act('Stop', 'stop', { target: name }, `Stop ${name}?`)
  act('Restart', 'restart', { target: name }, `Restart ${name}? All its processes go down at once.`)
  act('Reload', 'reload', { target: name })
  act('+1', 'scale', { program: name, delta: 1 })
  if (desired > 0) act('-1', 'scale', { program: name, delta: -1 }, `Take one process away from ${name}?`)
  made.dataset.name = `${name} acts`
  made.append(cell)
  return made
}

async function operate(method, params) {
  try {
    const { results } = await call(method, params)
    const failed = results.filter((one) => !one.ok)
    say(failed.map((one) => `${one.name}: ${one.error ?? one.state}`).join('; '))
  } catch (e) {
    if (e instanceof Unknown) return askForToken(e.message)
    say(e.message)
  }
  lookSoon()
}

function say(text) {
  at('said').textContent = text
  at('said').hidden = text === ''
}

function draw(programs) {
  // A button that is being pressed shall not go away under the finger, nor the one that has the focus.
  if (pressed) return
  const focused = document.activeElement?.closest('tr')
  const button = [...(focused?.querySelectorAll('button') ?? [])].indexOf(document.activeElement)
  const rows = programs.flatMap((program) => {
    const { processes } = program
    const head = row('program', program.program, program.state, {
      uptime: null,
      cpu: sum(processes, 'cpu'),
      memory: sum(processes, 'memory'),
      restarts: sum(processes, 'restarts'),
      why: `${program.running} of ${program.desired}`,
    })
    const each = processes.map((one) =>
      row('process', one.name, one.state, { ...one, why: one.statusText ?? one.reason }),
    )
    return [head, ...(may ? [acts(program)] : []), ...each]
  })
  at('rows').replaceChildren(...rows)
  if (!focused) return
  const same = rows.find((one) => one.dataset.name === focused.dataset.name)
  same?.querySelectorAll('button')[button]?.focus()
}

let looking = false
let again = false
async function look() {
  clearTimeout(lookAt)
  if (looking) {
    again = true
    return
  }
  looking = true
  try {
    draw(await call('status'))
  } catch (e) {
    if (e instanceof Unknown) return askForToken(e.message)
    // The stream says that the line is lost.
  } finally {
    looking = false
  }
  if (again) lookSoon()
  else lookAt = setTimeout(look, document.hidden ? LOOK_MS * 10 : LOOK_MS)
  again = false
}

function lookSoon() {
  clearTimeout(lookAt)
  lookAt = setTimeout(look, GATHER_MS)
}

// What happens

function wordsOf({ topic, name, program, from, to, reason, ...facts }) {
  if (topic === 'process.state') return `${name}  ${from ?? ''} -> ${to ?? 'gone'}  ${reason ?? ''}`
  if (topic === 'program.scaled') return `${program}  scaled ${from} -> ${to}`
  const more = ['ready', 'what', 'phase', 'state', 'error', 'file', 'pid', 'version']
    .filter((key) => facts[key] !== undefined && facts[key] !== null)
    .map((key) => `${key} ${facts[key]}`)
  return [name ?? program ?? '', topic, ...more, reason ?? ''].join('  ').trim()
}

function happened(event) {
  const words = event.missed ? `${event.missed} events were missed` : `${event.time.slice(11, 19)}  ${wordsOf(event)}`
  at('events').prepend(make('li', '', words))
  while (at('events').children.length > MOST_EVENTS) at('events').lastChild.remove()
}

// The log of what is selected

function show(target) {
  log?.end.abort()
  log = { target, end: new AbortController(), held: null }
  at('log').hidden = false
  at('target').textContent = target
  at('lines').replaceChildren()
  setPaused(false)
  const mine = log
  const heard = (name, data) => {
    if (mine !== log) return
    if (name === 'answer') at('lines').replaceChildren()
    if (name === 'answer' && data.files.length === 0) add([{ name: '', text: '(it has no log file)' }])
    if (data.missed) add([{ name: '', text: `(${data.missed} lines were missed)` }])
    if (data.error) add([{ name: '', text: `(${data.error})` }])
    add(data.lines ?? [])
  }
  const path = () => `/logs?target=${encodeURIComponent(target)}&lines=200`
  void keepFollowing(path, mine.end.signal, heard, (e) => {
    if (mine === log && e) add([{ name: '', text: `(${e.message})` }])
  })
  at('log').scrollIntoView({ block: 'nearest' })
}

function add(lines) {
  if (log.held) {
    log.held.push(...lines)
    log.held.splice(0, log.held.length - MOST_LINES)
    return
  }
  const box = at('lines')
  const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40
  for (const line of lines.slice(-MOST_LINES)) {
    const one = make('div')
    if (line.name) one.append(make('i', '', `${line.name} `))
    one.append(line.text)
    box.append(one)
  }
  while (box.children.length > MOST_LINES) box.firstChild.remove()
  if (isAtEnd) box.scrollTop = box.scrollHeight
}

function setPaused(paused) {
  const held = log.held
  log.held = paused ? [] : null
  if (!paused && held) add(held)
  at('pause').setAttribute('aria-pressed', String(paused))
  at('pause').textContent = paused ? 'Go on' : 'Pause'
}

// The way in

let life = null

function askForToken(why) {
  life?.abort()
  log?.end.abort()
  clearTimeout(lookAt)
  sessionStorage.removeItem(TOKEN)
  token = null
  document.querySelector('main').hidden = true
  at('door').hidden = false
  status(why ?? 'a token is wanted', true)
  at('token').focus()
}

function status(text, isLost) {
  at('line').textContent = text
  at('line').className = isLost ? 'lost' : ''
}

async function begin() {
  life?.abort()
  life = new AbortController()
  sessionStorage.setItem(TOKEN, token)
  at('door').hidden = true
  document.querySelector('main').hidden = false
  status('connecting')
  let seen = null
  const path = () => (seen === null ? '/events' : `/events?since=${seen}`)
  const heard = async (name, data) => {
    if (name === 'answer') {
      seen ??= data.seq
      // Another master counts anew.
      seen = Math.min(seen, data.seq)
      status('live')
      await greet()
    } else {
      if (data.seq) seen = data.seq
      happened(data)
    }
    lookSoon()
  }
  await keepFollowing(path, life.signal, heard, () => status('the line is lost; coming back', true))
}

async function greet() {
  try {
    const info = await call('info')
    may = info.web?.control === true
    at('master').textContent = `${info.config}  pid ${info.pid}  ${info.version}${may ? '' : '  look only'}`
    document.title = `phd ${info.instance ?? info.config}`
  } catch (e) {
    if (e instanceof Unknown) askForToken(e.message)
  }
}

at('door').addEventListener('submit', (event) => {
  event.preventDefault()
  token = at('token').value.trim()
  at('token').value = ''
  void begin()
})
at('pause').addEventListener('click', () => setPaused(log.held === null))
at('shut').addEventListener('click', () => {
  log.end.abort()
  log = null
  at('log').hidden = true
})
document.addEventListener('pointerdown', () => {
  pressed = true
})
for (const name of ['pointerup', 'pointercancel'])
  document.addEventListener(name, () => {
    pressed = false
  })
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && token) lookSoon()
})

/** From the address line, where it does not stay. */
function takeToken() {
  const given = /^#token=([\w-]+)$/.exec(location.hash)?.[1]
  if (!given) return
  token = given
  history.replaceState(null, '', location.pathname)
}

window.addEventListener('hashchange', () => {
  takeToken()
  if (token) void begin()
})
takeToken()
if (token) void begin()
else askForToken()
