// A systemd service, with the socket and the timer beside it, as a draft; and the services beside it that it requires.
// Which key becomes what stands in systemd-keys.ts.

import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { PhError } from '../../src/errors.ts'
import { cronOf } from './calendar.ts'
import { Draft, type DraftSection, nameFor, sayName } from './draft.ts'
import { timerKeys, unitKeys } from './systemd-keys.ts'
import { setService } from './systemd-service.ts'
import { setSockets } from './systemd-socket.ts'
import { specifiersOf } from './systemd-specifiers.ts'
import { type Assignment, allOf, lastOf, readUnit, type Unit } from './unit-reader.ts'

export function importSystemd(file: string, folder: string): Draft {
  const draft = new Draft()
  draft
    .section('DEFAULT')
    .set('start_retries', '-1', 'systemd tries again without end, unless StartLimitBurst is reached')
  importUnit(serviceOf(file), draft, new Map(), folder)
  return draft
}

/** The service of a socket or a timer, which lies beside it. */
function serviceOf(file: string): string {
  if (!/\.(?:socket|timer)$/.test(file)) return file
  const named = lastOf(
    (readUnit(file).get(file.endsWith('.timer') ? 'Timer' : 'Socket') ?? []).filter(
      ({ key }) => key === 'Unit' || key === 'Service',
    ),
  )
  const service = join(dirname(file), named?.value ?? basename(file).replace(/\.\w+$/, '.service'))
  if (existsSync(service)) return service
  throw new PhError('PH_USAGE', `cannot import ${file}: its service, ${service}, is not there`)
}

/** @param made names of programs by the file of their unit */
function importUnit(file: string, draft: Draft, made: Map<string, string>, folder: string): string {
  const known = made.get(file)
  if (known !== undefined) return known
  const unit = readUnit(file)
  const [, prefix = '', instance = null] = /^(.*?)(?:@(.*))?\.service$/.exec(basename(file)) ?? [null, basename(file)]
  const name = nameFor(instance ? `${prefix}-${instance}` : prefix, new Set(made.values()))
  made.set(file, name)
  const needs = dependencies(unit, file)
  const depends = needs
    .filter(({ path }) => existsSync(path) && !made.has(path))
    .map(({ path }) => `${importUnit(path, draft, made, folder)}${isTask(path) ? ':completed' : ''}`)
  const section = draft.section(name)
  if (!instance) sayName(section, prefix)
  const all = (part: string): readonly Assignment[] => unit.get(part) ?? []
  const description = lastOf(all('Unit').filter(({ key }) => key === 'Description'))
  const ini = specifiersOf({
    prefix,
    instance,
    user: lastOf(all('Service').filter(({ key }) => key === 'User'))?.value ?? null,
  })
  if (description) section.remark(ini.plain(description.value).replaceAll('\uE000', '%i'))
  if (instance === '')
    section.note('differs', '%i', 'it is the number of the process; number_workers says how many there are')
  const before = file.replace(/\.service$/, '')
  const timer = existsSync(`${before}.timer`) ? readUnit(`${before}.timer`) : null
  const scheduled = timer !== null && setTimer(section, timer)
  setService(section, all('Service'), ini, { scheduled, system: !/\/user\//.test(file), folder })
  setSockets(section, socketsOf(all('Service'), before), ini)
  if (depends.length > 0) section.set('depends_on', depends.join(', '))
  setUnit(section, all('Unit'), needs, made)
  return name
}

/** Units that it requires and starts behind, as files beside it. */
function dependencies(unit: Unit, file: string): readonly { readonly name: string; readonly path: string }[] {
  const names = (keys: readonly string[]): readonly string[] =>
    (unit.get('Unit') ?? []).filter(({ key }) => keys.includes(key)).flatMap(({ value }) => value.split(/\s+/))
  const after = new Set(names(['After']))
  const required = [...new Set(names(['Requires', 'BindsTo', 'Wants']))]
  return required
    .filter((name) => name.endsWith('.service') && after.has(name))
    .map((name) => ({ name, path: join(dirname(file), name) }))
}

/** systemd waits for the end of a oneshot. */
const isTask = (path: string): boolean =>
  lastOf((readUnit(path).get('Service') ?? []).filter(({ key }) => key === 'Type'))?.value === 'oneshot'

function setUnit(
  section: DraftSection,
  lines: readonly Assignment[],
  needs: readonly { readonly name: string; readonly path: string }[],
  made: ReadonlyMap<string, string>,
): void {
  const imported = new Set(needs.filter(({ path }) => made.has(path)).map(({ name }) => name))
  for (const { key, value, ...from } of lines) {
    if (key === 'Description' || key === 'Documentation' || value === '') continue
    // The first start counts there.
    if (key === 'StartLimitBurst')
      section.set('start_retries', String(Math.max(0, Number(value) - 1)), unitKeys[key]?.why ?? null, { key, from })
    else if (/^(?:Requires|BindsTo|Wants|After)$/.test(key)) {
      for (const name of value.split(/\s+/)) {
        // Targets are stages of the boot, which phd does not know.
        if (imported.has(name) || name.endsWith('.target') || name.endsWith('.socket')) continue
        section.drop(key, name, 'no such unit lies beside it, or Requires and After do not both name it', from)
      }
    } else section.drop(key, value, 'systemd looks after it', from)
  }
}

/** Whether it runs by it. */
function setTimer(section: DraftSection, timer: Unit): boolean {
  const lines = timer.get('Timer') ?? []
  let scheduled = false
  for (const { key, value, ...from } of lines) {
    if (key === 'Unit' || value === '') continue
    const cron = key === 'OnCalendar' && !scheduled ? cronOf(value) : null
    if (cron === null) {
      const why = scheduled && key === 'OnCalendar' ? 'a program has one schedule' : 'cron cannot say it'
      section.drop(key, value, key === 'OnCalendar' ? why : (timerKeys[key]?.why ?? 'a schedule is times of day'), from)
      continue
    }
    scheduled = true
    section.set('schedule', cron.cron, null, { key, from })
    if (cron.timezone !== null) section.set('timezone', cron.timezone)
  }
  return scheduled
}

/** The units of sockets that it is given: one of its own name, and those that Sockets= names. */
function socketsOf(service: readonly Assignment[], before: string): readonly Unit[] {
  const named = allOf(service.filter(({ key }) => key === 'Sockets')).flatMap(({ value }) => value.split(/\s+/))
  const paths = [`${before}.socket`, ...named.map((name) => join(dirname(before), name))]
  return [...new Set(paths)].filter((path) => existsSync(path)).map(readUnit)
}
