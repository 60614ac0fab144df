// What has happened so far, as a client that comes late is told of it.

import { connect } from '../../src/api/client.ts'
import type { EventTopic, Happening } from '../../src/api/contract.ts'
import type { Master } from './master.ts'

export async function happenings(master: Master, topics: readonly EventTopic[]): Promise<readonly Happening[]> {
  const client = await connect(master.socket)
  try {
    const stream = client.events({ since: 0 })
    const { seq } = await stream.begun
    const all: Happening[] = []
    for await (const one of stream) {
      if (!('topic' in one)) continue
      all.push(one)
      if (one.seq >= seq) break
    }
    return all.filter((one) => topics.includes(one.topic))
  } finally {
    client.close()
  }
}
