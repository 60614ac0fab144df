// Keeps as many processes as there is work. Once a second it adds up the requests that the workers of a program have
// in hand, and scales: up at once, down by one after ten quiet looks. It runs under phd like anything else:
//   [autoscale]
//   command = node autoscale.js web 1 8
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'processhandler/client'

const [program, least = 1, most = 8, seconds = 1] = process.argv.slice(2)
const EACH = 2 // requests in flight that one process may have
const phd = await connect() // PHD_SOCKET says where
let quiet = 0

for (;;) {
  const [{ desired, processes }] = await phd.call('status', { target: program })
  const inFlight = processes.reduce((sum, one) => sum + (one.inFlight ?? 0), 0)
  const wanted = Math.min(most, Math.max(least, Math.ceil(inFlight / EACH)))
  quiet = wanted < desired ? quiet + 1 : 0
  const workers = wanted > desired ? wanted : quiet >= 10 ? desired - 1 : desired
  if (workers !== desired) {
    quiet = 0
    await phd.call('scale', { program, workers })
    console.log(`${inFlight} requests in flight: ${program} ${desired} -> ${workers}`)
  }
  await sleep(seconds * 1000)
}
