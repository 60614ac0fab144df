// `top` over several hosts: whose rows stand where, what is said of a host, and to whom an order goes. No I/O.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHost } from '../../../cli/top/links.ts'
import { firstModel, type Message, type Model, type Order, type Sort, watched } from '../../../cli/top/model.ts'
import { hostsOf, shareOf } from '../../../cli/top/orders.ts'
import { pictureOf } from '../../../cli/top/picture.ts'
import { rowsOf } from '../../../cli/top/rows.ts'
import { stripped } from '../../../cli/top/text.ts'
import { after, event, info, key, look, now, pressed, program, row, size } from './pieces.ts'

const brush = { paint: (_style: unknown, text: string) => text, colour: false }
const linesOf = (model: Model): readonly string[] => pictureOf(model, brush).lines.map(stripped)
const names = (model: Model): string =>
  rowsOf(model)
    .map(({ name }) => name)
    .join(' ')

const of = (host: string, message: Message): Message => fromHost(host, { ...message, host } as Message)
const joined = (host: string): Message => of(host, { kind: 'connected', host, info })
const gone = (host: string, why = 'the connection was closed'): Message => of(host, { kind: 'gone', host, why })

const red = [
  program('web', [row('web:0', { cpu: 5 }), row('web:1', { cpu: 1 })]),
  program('db', [row('db:0', { cpu: 3 })]),
]
const green = [program('web', [row('web:0', { cpu: 9 })])]
/** As it is written on the command line: with a colon and slashes in it. */
const GREEN = 'me@green:/srv/phd.sock'

const begun = firstModel(
  { ...size, columns: 120 },
  ['red', GREEN].map((host) => watched(host, null)),
  now,
)
const both = after(begun, joined('red'), joined(GREEN), of('red', look(red)), of(GREEN, look(green)))

test('each host is on its way until it has said what it runs; the first is selected, and then its first program', () => {
  assert.equal(names(begun), `red/master ${GREEN}/master`)
  const one = after(begun, joined(GREEN), of(GREEN, look(green)))
  assert.equal(names(one), `red/master ${GREEN}/web:0`)
  assert.match(linesOf(one)[0] ?? '', /^phd on 1 of 2 hosts \(not on red\): me@green:\/srv\/phd\.sock /)
  assert.match(linesOf(one)[3] ?? '', /^ {2}red +JOINING +it has not answered yet/)
  const near = after(one, joined('red'))
  assert.match(linesOf(near)[3] ?? '', /^ {2}red +JOINING /)
  const all = after(near, of('red', look(red)))
  assert.deepEqual([names(all), all.selected], [names(both), 'red/web'])
  assert.match(linesOf(all)[0] ?? '', /^phd on 2 hosts: red, me@green/)
  assert.match(linesOf(all)[1] ?? '', /^4 processes: 4 running {2}cpu 18\.0%/)
})

const orders: readonly (readonly [Sort, string])[] = [
  ['file', `red/web red/web:0 red/web:1 red/db:0 ${GREEN}/web:0`],
  ['cpu', `${GREEN}/web:0 red/web red/web:0 red/web:1 red/db:0`],
]
for (const [sort, expected] of orders) {
  test(`sorted by ${sort}`, () => {
    assert.equal(names({ ...both, sort }), expected)
    assert.equal(names(after({ ...both, sort }, gone(GREEN))).includes(`${GREEN}/master`), true)
  })
}

test('where there is little room the host is cut, and the name of the process is not', () => {
  const lines = linesOf({ ...both, size }).join('\n')
  assert.match(lines, /^ {4}red\/web:1 {16}RUNNING/m)
  assert.match(lines, /^ {2}me@green:\/srv\/phd\.s…\/web:0 RUNNING/m)
})

test('a filter finds hosts', () => {
  assert.equal(names({ ...both, filter: 'green' }), `${GREEN}/web:0`)
  const lost = after(both, gone(GREEN))
  assert.equal(names({ ...lost, filter: 'GREEN' }), `${GREEN}/master ${GREEN}/web:0`)
  assert.equal(names({ ...lost, filter: 'down' }), `${GREEN}/master`)
})

test('one that is gone says why, counts no more, and keeps its rows and the selection', () => {
  const chosen = pressed(both, 'G').model
  const lost = after(chosen, gone(GREEN, `cannot reach ${GREEN} by ssh: connect to host green: refused`))
  const later = after(lost, { kind: 'tick', now: now + 7000 })
  assert.match(linesOf(later).join('\n'), /^ {2}me@green:\S+ +DOWN +for 7s: ssh: connect to host green: refused/m)
  assert.match(linesOf(later)[1] ?? '', /^3 processes: 3 running {2}cpu 9\.0%/)
  assert.equal(later.selected, `${GREEN}/web:0`)
  const back = after(later, joined(GREEN), of(GREEN, look(green, now + 8000)))
  assert.deepEqual([names(back), back.selected, back.log.target], [names(both), chosen.selected, chosen.selected])
  assert.match(linesOf(pressed(later, 'k').model).join('\n'), /── log of me@green\S+\/master .*\nDOWN for 7s: ssh: /)
})

test('what one says leaves the others as they are: marks, figures, states', () => {
  const marked = pressed(both, 'j', 'space', 'G', 'space').model
  const next = after(marked, of(GREEN, look([], now + 1000)))
  assert.deepEqual([...next.marked], ['red/web:0'])
  assert.equal(next.trails.get('red/web:0')?.cpu.at(-1), 5)
  assert.deepEqual(next.trails.get('red/web:0'), both.trails.get('red/web:0'))
  assert.equal(next.trails.has(`${GREEN}/web:0`), false)
  assert.match(linesOf(next).join('\n'), /^ {2}me@green:\S+ +EMPTY +no programs/m)
  const stopped = after(
    both,
    of('red', event('process.state', { program: 'web', name: 'web:0', process: row('web:0', { state: 'STOPPING' }) })),
  )
  const states = rowsOf(stopped).flatMap((one) => (one.kind === 'process' ? [`${one.name} ${one.process.state}`] : []))
  assert.deepEqual(states.slice(0, 1).concat(states.slice(-1)), ['red/web:0 STOPPING', `${GREEN}/web:0 RUNNING`])
})

test('events say whose they are; one without a program is of the master there', () => {
  const told = after(
    both,
    of('red', event('master.started', { pid: 1 })),
    of('red', event('log.trouble', { file: 'x' })),
  )
  assert.deepEqual(
    told.events.map(({ name }) => name),
    ['red/master', 'red/log'],
  )
})

test('an order is divided by hosts, in the names that each master gives', () => {
  const marked = pressed(both, 'j', 'space', 'space', 'G', 'space', 'x').model
  assert.equal(
    marked.panel?.kind === 'confirm' && marked.panel.question,
    `stop red/web:0, red/web:1, ${GREEN}/web:0 (3 processes)?`,
  )
  const [effect] = pressed(marked, 'y').effects
  assert.ok(effect?.kind === 'call')
  assert.deepEqual(hostsOf(effect.order), ['red', GREEN])
  assert.deepEqual(shareOf(effect.order, 'red'), { method: 'stop', target: ['web:0', 'web:1'] })
  assert.deepEqual(shareOf(effect.order, GREEN), { method: 'stop', target: ['web:0'] })
  const done = pressed(both).model
  const looks = after(done, key('+')).remark?.text
  assert.equal(looks, 'scale red/web +1 …')
  const scale: Order = { method: 'scale', program: `${GREEN}/web`, delta: 1 }
  assert.deepEqual([hostsOf(scale), shareOf(scale, GREEN)], [[GREEN], { ...scale, program: 'web' }])
  const many: Order = { method: 'start', target: [0, 1, 2, 3, 4].map((slot) => `${slot > 2 ? 'a' : 'b'}/web:${slot}`) }
  assert.equal(after(both, { kind: 'done', order: many, error: null }).remark?.text, 'start 5 targets on b, a: done')
})

test('a mark on a program covers its processes on its own host only', () => {
  const marked = pressed(both, 'space', 'space', 'G', 'space', 'a')
  const [effect] = marked.effects
  const order: Order = { method: 'start', target: ['red/web', `${GREEN}/web:0`] }
  assert.deepEqual(effect?.kind === 'call' && effect.order, order)
})

test('m is the log of the master of the selected row; the row of a host is nothing to operate', () => {
  assert.equal(pressed(both, 'G', 'm').model.log.target, `${GREEN}/master`)
  for (const name of ['a', 'x', 'r', 'R', '+', '-', '!', 'space', 'left']) {
    const step = pressed(begun, name)
    assert.deepEqual([step.effects.filter(({ kind }) => kind === 'call'), step.model.panel], [[], null], name)
    assert.equal(step.model.marked.size, 0, name)
  }
})
