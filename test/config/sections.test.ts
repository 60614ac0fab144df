// From files to sections: includes, warnings about lines that look wrong, and which file is meant.

import assert from 'node:assert/strict'
import { rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { sameConfig } from '../../src/config/load.ts'
import { folder, load, program } from './support.ts'

test('includes: sorted, patterns, folders of their own', (t) => {
  const files = {
    'conf.d/b.ini': '[b]\ncommand = x %(here)s\nbase_path = .\n',
    'conf.d/a.ini': '[program:a]\ncommand = x\nlog_file = %(v)s.log\n',
    'conf.d/.hidden.ini': 'junk',
    'conf.d/a.txt': 'junk',
    'one/more.ini': '[c]\ncommand = x\n',
  }
  const config = load(
    t,
    '[DEFAULT]\nv = w\nd = conf.d\n[z]\ncommand = x\n[include]\nfiles = %(d)s/*.ini o*/more.ini none/*.ini\n',
    {},
    files,
  )
  const dir = path.dirname(config.file)
  assert.deepEqual([...config.programs.keys()], ['z', 'a', 'b', 'c'])
  assert.equal(program(config, 'a').spec.output.stdout, `${dir}/w.log`)
  assert.equal(program(config, 'b').spec.directory, `${dir}/conf.d`)
  assert.deepEqual(program(config, 'b').spec.run, { kind: 'command', argv: ['x', `${dir}/conf.d`] })
  assert.equal(program(config, 'c').settings.find(({ key }) => key === 'command')?.origin?.file, `${dir}/one/more.ini`)
})

test('a near miss in [DEFAULT] and a key that was indented are warnings', (t) => {
  const config = load(
    t,
    '[DEFAULT]\nnumber_worker = 3\nnumberworkers = 3\nport = 1\nx_numprocs = 1\n[a]\ncommand = x\n  directory = /y\n',
  )
  assert.deepEqual(
    config.warnings.map(({ line, key, message }) => [line, key, message]),
    [
      [2, 'number_worker', 'is a variable; did you mean number_workers?'],
      [3, 'numberworkers', 'is a variable; did you mean number_workers?'],
      [7, 'command', 'goes on over the indented line that sets directory: a key begins the line'],
    ],
  )
})

test('sameConfig', (t) => {
  const dir = folder(t, { 'config.ini': '', 'other.ini': '' })
  const file = path.join(dir, 'config.ini')
  symlinkSync(file, path.join(dir, 'link'))
  assert.equal(sameConfig(path.join(dir, 'link'), file), true)
  assert.equal(sameConfig(path.join(dir, 'other.ini'), file), false)
  rmSync(file)
  assert.equal(sameConfig(path.join(dir, 'link'), file), false)
})
