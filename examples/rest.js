// A REST service on plain Node: curl http://127.0.0.1:8711/notes/1

import { json } from 'node:stream/consumers'
import { HttpWorker } from 'processhandler/worker'

const notes = new Map([['1', { text: 'buy milk' }]])

export class Rest extends HttpWorker {
  async handleRequest(request, response) {
    const id = /^\/notes\/(\w+)$/.exec(request.url)?.[1]
    if (request.method === 'PUT' && id) notes.set(id, await json(request))
    const note = notes.get(id)
    response.writeHead(note ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(note ?? { error: 'no such note' }))
  }
}
