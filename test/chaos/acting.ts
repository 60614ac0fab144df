// Carries out what the plan says. Operations are asked and not waited for: the next action comes while they are
// under way, but for another operation on the same program. Whatever is asked has its deadline.

import type { PhError } from '../../src/errors.ts'
import { within } from '../helpers/scene.ts'
import { Killing } from './killing.ts'
import { DEADLINE_MS } from './phd.ts'
import type { Action, Change } from './plan.ts'
import { Violation } from './violation.ts'
import { visits } from './visits.ts'
import { scaledTo, updatedTo, type Wish, wishes } from './wants.ts'
import type { World } from './world.ts'

export class Acting {
  readonly #world: World
  readonly #open = new Map<string, Promise<void>>()
  /** Counts what was asked of each program: of two answers the one to the later question counts. */
  readonly #turns = new Map<string, number>()
  readonly killing: Killing
  actions = 0

  constructor(world: World) {
    this.#world = world
    this.killing = new Killing(world)
  }

  async act(action: Action): Promise<void> {
    this.actions++
    switch (action.kind) {
      case 'kill master':
        return this.killing.master(action)
      case 'upgrade':
        return this.killing.upgrade(action)
      case 'kill workers':
        return this.killing.workers(action.picks)
      case 'freeze':
        return this.killing.freeze(action.pick, action.ms)
      case 'operate':
        return this.#operate(action)
      case 'scale':
        return this.scale(action.program, action.to)
      case 'update':
        return this.#update(action.program, action.change)
      case 'bad update':
        return this.#badUpdate()
      case 'reopen':
        return this.#reopen(action.by)
      case 'rename':
        return this.#rename(action.pick, action.by)
      case 'clear':
        return this.#clear()
      case 'clients':
        this.#world.note(`${action.clients.length} clients`)
        return within('clients that leave', visits(this.#world.socket, action.clients), DEADLINE_MS)
      default:
        action satisfies never
    }
  }

  /** Everything that was asked is answered, and nobody is frozen. */
  async quiet(): Promise<void> {
    await Promise.all([...this.#open.values(), this.killing.thawed()])
  }

  start(program: string): Promise<void> {
    return this.#ask(program, 'start', wishes.up, () => this.#world.phd.call('start', { target: program }))
  }

  restart(program: string): Promise<void> {
    return this.#ask(program, 'restart', wishes.up, () => this.#world.phd.call('restart', { target: program }))
  }

  scale(program: string, workers: number): Promise<void> {
    const call = () => this.#world.phd.call('scale', { program, workers })
    return this.#ask(program, `scale to ${workers}`, scaledTo(workers), call)
  }

  async #operate({ verb, program, slot }: Action & { readonly kind: 'operate' }): Promise<void> {
    const { phd, wants } = this.#world
    // One slot of a program that is down would be up, and the others not: nobody keeps account of that.
    if (slot !== null && !wants.is(program, ({ up }) => up)) return
    const target = slot === null ? program : `${program}:${slot}`
    const wish = {
      start: wishes.up,
      restart: slot === null ? wishes.up : wishes.none,
      reload: wishes.none,
      stop: wishes.down,
    }
    await this.#ask(program, `${verb} ${target}`, wish[verb], () => phd.call(verb, { target }))
  }

  async #update(program: string, change: Change): Promise<void> {
    const { settings, wants, behind, phd } = this.#world
    const before = settings.get(program)
    if (!before) return
    await this.#free(program)
    settings.set(program, { ...before, [change.key]: change.to })
    this.#world.writeConfig()
    const after = settings.get(program)?.workers ?? 0
    await this.#ask(program, `update ${change.key} to ${change.to}`, updatedTo(after), async () => {
      const answer = await phd.call('update', { wait: true })
      if (!answer?.ok) behind.add(program)
      // A master that was killed before it answered has left the file to the next one.
      wants.done(program, updatedTo(after))
      return answer
    })
  }

  async #badUpdate(): Promise<void> {
    // The file must not change under an update that was asked for and has not read it yet.
    await this.quiet()
    this.#world.note('update to an invalid file')
    this.#world.writeConfig('[own]\nnumber_workers = many\n')
    try {
      await this.#world.phd.call('update', {})
    } catch (e) {
      if ((e as PhError).code === 'PH_CONFIG') return
      throw e
    } finally {
      this.#world.writeConfig()
    }
    throw new Violation('an invalid file was taken')
  }

  async #reopen(by: 'call' | 'signal' | 'nobody'): Promise<void> {
    if (by === 'nobody') return
    this.#world.note(`reopen by ${by}`)
    if (by === 'signal') this.#world.phd.signal('SIGUSR1')
    else await this.#world.phd.call('reopen', {})
  }

  async #rename(pick: number, by: 'call' | 'signal' | 'nobody'): Promise<void> {
    const logs = this.#world.logs.renamable()
    const log = logs[pick % logs.length]
    if (log === undefined || !this.#world.logs.rename(log)) return
    this.#world.note(`rename ${log}`)
    await this.#reopen(by)
  }

  async #clear(): Promise<void> {
    this.#world.note('clear noise')
    await this.#world.phd.call('clear', { target: 'noise' })
  }

  /** A stop does not wait for what is under way: it overtakes it, or ends it. */
  async #ask(program: string, what: string, wish: Wish, call: () => Promise<object | null>): Promise<void> {
    const { note, wants, failed } = this.#world
    const earlier = this.#open.get(program)
    if (!what.startsWith('stop')) await this.#free(program)
    const turn = (this.#turns.get(program) ?? 0) + 1
    this.#turns.set(program, turn)
    wants.asked(program, wish)
    note(`${program}: ${what}`)
    const answered = async (): Promise<void> => {
      const answer = await call().catch(refusal)
      note(
        `${program}: ${what}: ${answer === null ? 'the master went before it answered' : JSON.stringify(answer).slice(0, 300)}`,
      )
      if (answer !== null && !('refused' in answer) && this.#turns.get(program) === turn) wants.done(program, wish)
    }
    const open: Promise<void> = Promise.all([earlier, answered()])
      .then(() => undefined)
      .catch((e: unknown) => failed(new Violation(`${program}: ${what}: ${String(e)}`)))
      .finally(() => {
        if (this.#open.get(program) === open) this.#open.delete(program)
      })
    this.#open.set(program, open)
  }

  async #free(program: string): Promise<void> {
    await this.#open.get(program)
  }
}

/** What an operation may be told: it was overtaken, or its slot is gone. */
function refusal(e: unknown): { readonly refused: string } {
  const { code, message } = e as PhError
  if (code === 'PH_CONFLICT' || code === 'PH_NOT_FOUND') return { refused: message }
  throw e
}
