// Files that are no configuration: refused with their place, in time, and never awaited.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, truncateSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { folder, problems, refused } from './support.ts'

test('bytes that are no text', (t) => {
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [Buffer.from('[a]\ncommand = x\0y\n'), 'config.ini:2: cannot read a NUL byte: wanted text in UTF-8'],
    [Buffer.from('[a]\ncommand = \xe9\n', 'latin1'), 'config.ini:2: cannot read bytes that are not UTF-8'],
    [Buffer.from('[a]\n#\xff', 'latin1'), 'config.ini:2: cannot read bytes that are not UTF-8'],
    [Buffer.from('\ufeff[a]\n', 'utf16le'), 'config.ini:1: cannot read a NUL byte: wanted text in UTF-8'],
    [
      Buffer.from('[a]\ncommand = x\ry\n'),
      'config.ini:2: [a] cannot read a carriage return inside a line: lines end in LF or CRLF',
    ],
  ]
  for (const [bytes, expected] of cases) {
    const dir = folder(t, { 'config.ini': bytes })
    assert.ok(refused(path.join(dir, 'config.ini'), dir).includes(expected), expected)
  }
})

test('what is no readable regular file is refused and never awaited', async (t) => {
  const dir = folder(t, { locked: '', big: '' })
  const at = (name: string): string => path.join(dir, name)
  execFileSync('mkfifo', [at('fifo')])
  mkdirSync(at('dir'))
  symlinkSync(at('loop'), at('loop'))
  truncateSync(at('big'), 16 * 1024 * 1024 + 1)
  const server = createServer().listen(at('sock'))
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const said = (name: string): string => refused(at(name), dir).join('\n')
  assert.equal(said('fifo'), 'fifo: cannot read a FIFO: wanted a regular file')
  assert.equal(said('dir'), 'dir: cannot read a directory: wanted a regular file')
  assert.equal(said('loop'), 'loop: cannot read the file: its symbolic links lead round in a circle (ELOOP)')
  assert.equal(said('big'), 'big: cannot read more than 16 MB')
  assert.equal(said('sock'), 'sock: cannot read the file: it is a socket, or a device that is not there (ENXIO)')
  assert.equal(said('none'), 'none: cannot read the file: there is no such file (ENOENT)')
  assert.equal(said('big/x'), 'big/x: cannot read the file: a part of its path is not a folder (ENOTDIR)')
  assert.equal(refused('/dev/zero', dir).join(), '/dev/zero: cannot read a device: wanted a regular file')
  const includes = folder(t, { 'config.ini': '[include]\nfiles = *.fifo\n' })
  execFileSync('mkfifo', [path.join(includes, 'a.fifo')])
  assert.deepEqual(refused(path.join(includes, 'config.ini'), includes), [
    'a.fifo: cannot read a FIFO: wanted a regular file',
  ])
})

test('an unreadable file', (t) => {
  const dir = folder(t, { 'config.ini': '' })
  chmodSync(dir, 0o755)
  chmodSync(path.join(dir, 'config.ini'), 0)
  const root = process.getuid?.() === 0 // who may read everything
  if (root) process.seteuid?.(65_534)
  try {
    const said = refused(path.join(dir, 'config.ini'), dir)
    assert.deepEqual(said, ['config.ini: cannot read the file: permission denied (EACCES)'])
  } finally {
    if (root) process.seteuid?.(0)
  }
})

test('a long file of another kind is answered in time', (t) => {
  for (const pattern of ['k% = v', '[s%]', 'x%', 'k% = %(k0)s']) {
    const lines = Array.from({ length: 20_000 }, (_, index) => pattern.replace(/%(?!\()/, String(index)))
    const dir = folder(t, { 'config.ini': `[DEFAULT]\n${lines.join('\n')}` })
    const began = performance.now()
    refused(path.join(dir, 'config.ini'), dir)
    const took = Math.round(performance.now() - began)
    t.diagnostic(`${pattern}: ${took} ms`)
    assert.ok(took < 10_000, `${pattern}: ${took} ms`)
  }
})

test('a file of many lines is refused', (t) => {
  assert.deepEqual(problems(t, `${'#\n'.repeat(200_000)}[a]\n`), [
    'config.ini:200001: cannot read more than 200000 lines',
  ])
})
