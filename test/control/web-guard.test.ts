// Who may ask the web page: hosts, origins, tokens, by tables.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { strangerIn, unknownIn } from '../../src/control/web-guard.ts'

const token = 'a'.repeat(43)

test('the Host is a name of what is listened on, whatever the port', () => {
  const table: readonly [bound: string | null, well: readonly string[], not: readonly string[]][] = [
    [
      '127.0.0.1',
      ['127.0.0.1:9618', 'localhost:8080', 'LOCALHOST', '[::1]:9618', '127.1.2.3'],
      [
        '',
        'evil.com',
        'localhost.evil.com',
        '127.0.0.1.evil.com',
        '10.0.0.1:9618',
        '[::2]',
        'localhost:9618@evil.com',
        'a b',
      ],
    ],
    ['::1', ['[::1]:9618', 'localhost'], ['::1', '[::]', 'evil.com']],
    ['10.0.0.1', ['10.0.0.1:9618'], ['localhost', '127.0.0.1', '10.0.0.2', 'evil.com']],
    ['0.0.0.0', ['10.0.0.1:9618', 'localhost'], ['evil.com']],
    [null, ['10.0.0.1:9618', '127.0.0.1', 'localhost', '[fe80::1]:1'], ['', 'evil.com', 'host.lan:9618']],
  ]
  for (const [host, well, not] of table) {
    for (const name of well) assert.equal(strangerIn({ host: name }, { host, token }), null, `${host}: ${name}`)
    for (const name of not) assert.equal(strangerIn({ host: name }, { host, token })?.status, 403, `${host}: ${name}`)
  }
  assert.equal(strangerIn({}, { host: '127.0.0.1', token })?.status, 403)
})

test('an Origin is the same place, or there is none', () => {
  const judge = (origin: string | undefined): number | undefined =>
    strangerIn({ host: 'localhost:9618', ...(origin === undefined ? {} : { origin }) }, { host: '127.0.0.1', token })
      ?.status
  for (const well of [undefined, 'http://localhost:9618', 'https://localhost:9618', 'HTTP://LOCALHOST:9618'])
    assert.equal(judge(well), undefined, well)
  for (const not of [
    'null',
    '',
    'http://localhost',
    'http://localhost:96180',
    'http://127.0.0.1:9618',
    'http://evil.com',
    'http://evil.com/localhost:9618',
  ])
    assert.equal(judge(not), 403, not)
})

test('the token is whole, and a Bearer', () => {
  const judge = (authorization?: string): number | undefined =>
    unknownIn(authorization === undefined ? {} : { authorization }, { host: null, token })?.status
  for (const well of [`Bearer ${token}`, `bearer  ${token}`]) assert.equal(judge(well), undefined)
  for (const not of [
    undefined,
    '',
    token,
    'Bearer',
    'Bearer ',
    `Basic ${token}`,
    `Bearer ${token}a`,
    `Bearer ${token.slice(1)}`,
    `Bearer ${token} x`,
  ])
    assert.equal(judge(not), 401, not)
})
