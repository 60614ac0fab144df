// Dotenv files: what they say, and that no line of them is passed over.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load, problems, program } from './support.ts'

const ini = '[web]\ncommand = x\nenv_file = .env\n'

const files: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['', {}],
  ['\n# comment\n  \nA=1\r\n B = two words  # said\n', { A: '1', B: 'two words' }],
  ['export A=1\n  export\tB=2', { A: '1', B: '2' }],
  ['A="x y" # c\nB=\'it # is\'\nC=`"q"\'s`\nD=""', { A: 'x y', B: 'it # is', C: '"q"\'s', D: '' }],
  ['A="one\ntwo\\nthree"\nB=\'\\n\'\nC=\\n', { A: 'one\ntwo\nthree', B: '\\n', C: '\\n' }],
  ['A=\nB=x=y\nC=$A\nD=a"b"\nA=2', { A: '2', B: 'x=y', C: '$A', D: 'a"b"' }],
  ['\uFEFFA=1', { A: '1' }],
]
for (const [text, variables] of files) {
  test(`the variables of ${JSON.stringify(text)}`, (t) => {
    assert.deepEqual(program(load(t, ini, {}, { '.env': text })).spec.env, variables)
  })
}

const wanted = 'wanted NAME=value, and each quotation closed'
const wrong: readonly (readonly [string, string])[] = [
  ['A=1\nhush\nB=2', `cannot read line 2 of ./.env: ${wanted}`],
  ['\nA="hush\nB=2', `cannot read line 2 of ./.env: ${wanted}`],
  ['A="1" hush', `cannot read line 1 of ./.env: ${wanted}`],
  ['=hush', `cannot read line 1 of ./.env: ${wanted}`],
  ['2A=hush', 'cannot set "2A": wanted a name of letters, digits and _ that begins with no digit'],
]
for (const [text, message] of wrong) {
  test(`refused, and nothing of it shown: ${JSON.stringify(text)}`, (t) => {
    const found = problems(t, ini, {}, { '.env': text }).map((line) => line.replace(' .env', ' ./.env'))
    assert.deepEqual(found, [`config.ini:3: [web] env_file: ${message}`])
  })
}
