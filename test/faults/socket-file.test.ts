// The file of the control socket, removed under a running phd.

import assert from 'node:assert/strict'
import { renameSync, statSync, unlinkSync } from 'node:fs'
import { test } from 'node:test'
import { connect } from '../../src/api/client.ts'
import { quick, startMaster } from '../helpers/master.ts'

test('row 61: socket file deleted while running: noticed, made again, and who is connected stays', async (t) => {
  const master = await startMaster(t, `${quick}[master]\nsocket_mode = 0640\n[job]\ncommand = sleep 600\n`)
  const client = await connect(master.socket)
  assert.equal(await client.call('ping', {}), 'pong')
  for (const remove of [() => unlinkSync(master.socket), () => renameSync(master.socket, `${master.socket}.old`)]) {
    const from = master.log.length
    const born = statSync(master.socket).ino
    remove()
    await master.logged('its return', (line) => line.msg.endsWith('removed: made again'), from)
    assert.notEqual(statSync(master.socket).ino, born)
    assert.equal(statSync(master.socket).mode & 0o777, 0o640)
    const other = await connect(master.socket)
    assert.equal(await other.call('ping', {}), 'pong')
    other.close()
    assert.equal(await client.call('ping', {}), 'pong', 'the old connection')
  }
  unlinkSync(`${master.socket}.old`)
  client.close()
  assert.equal((await master.phctl('upgrade')).code, 0, 'and the new one is the one that is handed over')
  assert.equal(await master.call('ping', {}), 'pong')
})
