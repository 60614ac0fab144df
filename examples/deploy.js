// Puts a release into service, or leaves the old one there: `node deploy.js web releases/43`, in the folder where the
// link `current` points to the release that the program runs. Points it to the new one, reloads, and looks on for a
// while; when a process does not start, or does not stay, points back and reloads again.
import { readlinkSync, renameSync, symlinkSync } from 'node:fs'
import { connect } from 'processhandler/client'

const [program, release, watchSeconds = 10] = process.argv.slice(2)
const phd = await connect()
const before = readlinkSync('current')
const enough = new AbortController()
const events = phd.events({ topics: ['process.state'], signal: enough.signal }) // asked for at once

/** In one step: there is no moment without a release. */
function pointTo(target) {
  symlinkSync(target, 'current.new')
  renameSync('current.new', 'current')
}

/** Throws where the release is no good. */
async function reload() {
  const { results } = await phd.call('reload', { target: program, timeout: 60 })
  const failed = results.find((one) => !one.ok)
  if (failed) throw new Error(`${failed.name} is ${failed.state}: ${failed.error}`)
}

/** Throws when a process ends by itself, from the beginning of the reload on. */
async function lookOn(seconds) {
  const timer = setTimeout(() => enough.abort(), seconds * 1000)
  try {
    for await (const event of events) {
      if (event.program === program && event.exit && event.to !== 'STOPPED')
        throw new Error(`${event.name} did not stay: ${event.reason}`)
    }
  } catch (e) {
    if (!enough.signal.aborted) throw e
  } finally {
    clearTimeout(timer)
  }
}

try {
  pointTo(release)
  await reload()
  await lookOn(Number(watchSeconds))
  console.log(`${program} runs ${release}`)
} catch (e) {
  console.error(`${release} failed: ${e.message}; back to ${before}`)
  pointTo(before)
  await reload()
  process.exitCode = 1
} finally {
  await phd.close()
}
