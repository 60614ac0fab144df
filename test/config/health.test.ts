// health_check and the hooks as a spec has them, in the slots too; and which checks prove little.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProblem } from '../../src/config/load.ts'
import { forSlot } from '../../src/core/spec.ts'
import { load, program } from './support.ts'

const spec = (t: Parameters<typeof load>[0], more: string) => program(load(t, `[web]\ncommand = x\n${more}`)).spec

test('defaults, and every form', (t) => {
  assert.deepEqual([spec(t, '').health, spec(t, '').hooks], [undefined, undefined])
  assert.deepEqual(spec(t, 'health_check = http://a:80%(process_num)02d/\n').health, {
    check: { kind: 'http', url: 'http://a:80\0slot:02d\0/', own: false },
    intervalMs: 10_000,
    timeoutMs: 3_000,
    failures: 3,
    action: 'restart',
  })
  const quiet = spec(t, 'health_check = Log-Silence:5m\nhealth_action = Signal:usr2\nhealth_interval = 1s\n').health
  assert.deepEqual(
    [quiet?.check, quiet?.action, quiet?.intervalMs],
    [{ kind: 'silence', ms: 300_000 }, { signal: 'SIGUSR2' }, 1_000],
  )
  const { hooks } = spec(t, 'pre_start = sh -c "a; b %(slot)s"\npost_stop = y\nhook_timeout = 2\n')
  assert.equal(hooks?.timeoutMs, 2_000)
  assert.deepEqual(
    hooks?.commands.pre_start?.map((word) => forSlot(word, 4)),
    ['sh', '-c', 'a; b 4'],
  )
  assert.deepEqual(Object.keys(hooks?.commands ?? {}), ['pre_start', 'post_stop'])
})

test('a check at an address of its own bind: a warning', (t) => {
  const { warnings } = load(t, '[web]\ncommand = x\nbind = 127.0.0.1:80\nhealth_check = tcp:localhost:80\n')
  assert.match(warnings.map(formatProblem).join(), /:4: \[web\] health_check: proves little/)
})
