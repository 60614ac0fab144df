// Just enough of XML-RPC to call supervisord on one connection, as fast as it can be called.

import { Agent, request } from 'node:http'

export interface XmlRpc {
  call(method: string): Promise<string>
  close(): void
}

export function xmlRpc(socketPath: string): XmlRpc {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    call: (method) =>
      new Promise((resolve, reject) => {
        const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params/></methodCall>`
        const headers = { 'content-type': 'text/xml', 'content-length': Buffer.byteLength(body) }
        request({ socketPath, path: '/RPC2', method: 'POST', agent, headers }, (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk
          })
          response.on('end', () => (text.includes('<fault>') ? reject(new Error(text)) : resolve(text)))
        })
          .on('error', reject)
          .end(body)
      }),
    close: () => agent.destroy(),
  }
}
