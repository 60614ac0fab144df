// A client of calc.js: node examples/call-calc.js add 2 3
// Any JSON-RPC client that can write a line to a socket will do.

import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const [method, ...params] = process.argv.slice(2)
const socket = connect(process.env.CALC_SOCKET ?? fileURLToPath(new URL('../calc.sock', import.meta.url)))
socket.end(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: params.map((each) => JSON.parse(each)) })}\n`)
const { result, error } = JSON.parse(await text(socket))
console.log(error ? `error ${error.code}: ${error.message}` : result)
