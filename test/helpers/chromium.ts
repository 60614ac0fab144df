// A headless Chromium for a test, spoken to over a pipe (the DevTools protocol): a page, and what is asked in it.

import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { mentioning } from './proc.ts'
import { missing, sceneOf, until, within } from './scene.ts'

const PROGRAMS = ['chromium-headless-shell', 'chromium']
const program = PROGRAMS.find((name) => missing(name) === false)
export const needsChromium: string | false = program === undefined ? missing(PROGRAMS[0] ?? '') : false

export interface Page {
  /** The value of an expression in the page; a promise is waited for. */
  evaluate(expression: string): Promise<unknown>
  /** Waits until an expression is true: it is asked again after each change of the document. */
  until(expression: string): Promise<void>
  /** What was said on the console, and went wrong. */
  readonly complaints: readonly string[]
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: {
    readonly entry?: { readonly text: string }
    readonly exceptionDetails?: { readonly text: string }
  }
  readonly result?: object
  readonly error?: { readonly message: string }
}

export async function openPage(t: TestContext, url: string, width = 1000): Promise<Page> {
  const scene = sceneOf(t)
  const profile = scene.path('chromium')
  const child = spawn(
    program ?? '',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      `--user-data-dir=${profile}`,
      `--window-size=${width},800`,
      '--remote-debugging-pipe',
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true },
  )
  scene.after(() => endOf(child, profile))
  const complaints: string[] = []
  const send = protocolOf(child, (message) => {
    const text = message.params?.entry?.text ?? message.params?.exceptionDetails?.text
    if (text !== undefined) complaints.push(text)
  })
  const { targetId } = (await send('Target.createTarget', { url: 'about:blank' })) as { targetId: string }
  const attached = await send('Target.attachToTarget', { targetId, flatten: true })
  const { sessionId } = attached as { sessionId: string }
  await send('Log.enable', {}, sessionId)
  await send('Runtime.enable', {}, sessionId)
  await send('Page.enable', {}, sessionId)
  await send('Page.navigate', { url }, sessionId)
  const evaluate = async (expression: string): Promise<unknown> => {
    const params = { expression, awaitPromise: true, returnByValue: true }
    const answer = await within(expression, send('Runtime.evaluate', params, sessionId))
    const { result, exceptionDetails } = answer as { result: { value?: unknown }; exceptionDetails?: object }
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`)
    return result.value
  }
  return {
    evaluate,
    async until(expression) {
      await evaluate(`new Promise((done) => {
        const look = () => { if (${expression}) { observer.disconnect(); done() } }
        const observer = new MutationObserver(look)
        observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
        look()
      })`)
    },
    complaints,
  }
}

function protocolOf(child: ChildProcess, told: (message: Message) => void) {
  const [to, from] = [child.stdio[3] as Writable, child.stdio[4] as Readable]
  const waiting = new Map<number, { done(result: object): void; failed(e: Error): void }>()
  let last = 0
  let rest = ''
  to.on('error', () => undefined) // its end is told by 'exit'
  from.setEncoding('utf8').on('data', (chunk: string) => {
    const texts = (rest + chunk).split('\0')
    rest = texts.pop() ?? ''
    for (const text of texts) {
      const message = JSON.parse(text) as Message
      const one = waiting.get(message.id ?? 0)
      if (!one) told(message)
      else if (message.error) one.failed(new Error(message.error.message))
      else one.done(message.result ?? {})
    }
  })
  child.on('exit', () => {
    for (const { failed } of waiting.values()) failed(new Error('Chromium has ended'))
  })
  return (method: string, params: object, sessionId?: string): Promise<object> =>
    new Promise((done, failed) => {
      waiting.set(++last, { done, failed })
      to.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`)
    })
}

/** It has processes of its own, in its group. */
async function endOf({ pid }: ChildProcess, profile: string): Promise<void> {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (e) {
    if ((e as { code?: string }).code !== 'ESRCH') throw e
  }
  await until('the end of Chromium', () => mentioning(profile).length === 0)
}
