// The same with fastify, which you install beside it: curl http://127.0.0.1:8712/notes/1

import fastify from 'fastify'
import { HttpWorker } from 'processhandler/worker'

export class RestFastify extends HttpWorker {
  createApp() {
    const app = fastify()
    app.get('/notes/:id', (request) => ({ id: request.params.id, by: this.name }))
    return app
  }
}
