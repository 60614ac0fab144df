// An etcd that asks who comes: TLS with an authority and certificates made here, and users with passwords.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { test } from 'node:test'
import { needsEtcd, startEtcd } from '../helpers/etcd.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { runPhd } from '../helpers/programs.ts'
import { missing, type Scene, sceneOf, until } from '../helpers/scene.ts'

function certificates(scene: Scene): void {
  const openssl = (...words: string[]): unknown => execFileSync('openssl', words, { cwd: scene.dir, stdio: 'pipe' })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  openssl('req', '-x509', ...curve, '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem')
  openssl('req', '-x509', ...curve, '-subj', '/CN=stranger', '-keyout', 'other.key', '-out', 'other.pem')
  scene.write('names', 'subjectAltName=IP:127.0.0.1\n')
  // The gateway refuses a client's certificate that has a name (CN) where users have passwords.
  for (const [name, subject] of Object.entries({ etcd: '/CN=etcd', phd: '/O=phd' })) {
    openssl('req', ...curve.slice(0, 5), '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'],
      ...['-extfile', 'names', '-out', `${name}.pem`],
    )
  }
}

/** root with a password, and from then on nobody without one. */
async function lockUp(scene: Scene, port: number): Promise<void> {
  const post = (path: string, body: object): Promise<void> =>
    new Promise((resolve, reject) => {
      const file = (name: string): Buffer => readFileSync(scene.path(name))
      const tls = { ca: file('ca.pem'), cert: file('phd.pem'), key: file('phd.key') }
      const one = request({ host: '127.0.0.1', port, path: `/v3/auth/${path}`, method: 'POST', ...tls }, (answer) => {
        answer.resume().on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${path} failed`))))
      })
      one.on('error', reject)
      one.end(JSON.stringify(body))
    })
  await post('user/add', { name: 'root', password: 's3:cret/1' })
  await post('role/add', { name: 'root' })
  await post('user/grant', { user: 'root', role: 'root' })
  await post('enable', {})
}

const skip = needsEtcd || missing('openssl')

test('TLS with certificates on both sides, a user with a password; what is wrong is said', { skip }, async (t) => {
  const scene = sceneOf(t)
  certificates(scene)
  const args = [
    ...['--cert-file', scene.path('etcd.pem'), '--key-file', scene.path('etcd.key')],
    ...['--trusted-ca-file', scene.path('ca.pem'), '--client-cert-auth'],
  ]
  const { port } = await startEtcd(t, { scheme: 'https', args })
  await lockUp(scene, port)
  const text = (user: string, ca: string): string =>
    `${quick}etcd_ca = ${ca}\netcd_cert = phd.pem\netcd_key = phd.key\n[web]\ncommand = sleep 600\ngraceful_timeout = 1\n` +
    `single_instance = etcds://${user}127.0.0.1:${port}/phd/web\n`
  const good = text('root:s3%%3Acret%%2F1@', 'ca.pem')
  const master = await startMaster(t, good)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const reasonOf = async (ini: string): Promise<string> => {
    scene.write('config.ini', ini)
    await master.call('update', {})
    await master.call('stop', { target: 'web' })
    await master.call('start', { target: 'web' })
    return until('a reason', async () => (await master.process('web:0')).reason)
  }
  assert.match(
    await reasonOf(text('root:wrong@', 'ca.pem')),
    /^etcd refuses: .*authentication failed, invalid user ID or password/,
  )
  assert.match(await reasonOf(text('', 'ca.pem')), /^etcd refuses: .*(user name is empty|permission denied)/)
  assert.match(await reasonOf(text('root:wrong@', 'other.pem')), /^cannot reach etcd \(127\.0\.0\.1:\d+: .*certificate/)
  scene.write('config.ini', good)
  await master.call('update', {})
  await master.call('stop', { target: 'web' })
  await master.call('start', { target: 'web' })
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const { settings } = (await master.call('show', { target: 'web' }))[0] ?? { settings: [] }
  assert.equal(
    settings.find(({ key }) => key === 'single_instance')?.value,
    `etcds://root:***@127.0.0.1:${port}/phd/web`,
  )
  const { stdout } = await runPhd(['--print-config', '-c', scene.path('config.ini')])
  assert.doesNotMatch(stdout, /cret/)
})
