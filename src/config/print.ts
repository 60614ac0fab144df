// A configuration as an INI file again: every effective value with the place it came from, nothing
// left to look up. Valid to read back; secrets are masked, so those do not come back.

import type { Config, Setting } from './config.ts'
import { masked, parsePairs } from './environment.ts'
import { BadValue } from './problems.ts'
import { rowOf } from './settings.ts'

export function printConfig(config: Config): string {
  const programs = [...config.programs].map(([name, { settings }]) => ({ name, settings }))
  const variables = new Set(programs.flatMap(({ settings }) => settings.map(({ key }) => key).filter(needsDefault)))
  // A section may only set what [DEFAULT] declares.
  const declared = [...variables].map((key) => `${key} =\n`).join('')
  const sections = [{ name: 'master', settings: config.master.settings }, ...programs]
  const blocks = sections.map(({ name, settings }) => `[${name}]\n${settings.map(line).join('')}`)
  return [...(declared === '' ? [] : [`[DEFAULT]\n${declared}`]), ...blocks, ...groupBlocks(config)].join('\n')
}

function groupBlocks({ programs }: Config): string[] {
  const names = new Set([...programs.values()].flatMap(({ spec }) => spec.groups))
  return [...names].map((name) => {
    const members = [...programs].filter(([, { spec }]) => spec.groups.includes(name)).map(([program]) => program)
    return `[group:${name}]\nprograms = ${members.join(', ')}\n`
  })
}

/** What a setting may show to people: secrets as `***`. */
export function maskedSetting({ key, value }: Setting): string {
  if (key !== 'environment') return masked(key.replace(/^env\./, ''), value)
  try {
    const pairs = [...parsePairs(value)].map(([name, each]): [string, string] => [name, masked(name, each)])
    return pairs.map(([name, each]) => `${name}="${each.replace(/["\\]/g, '\\$&')}"`).join(',')
  } catch (e) {
    if (!(e instanceof BadValue)) throw e
    return '***' // never of a configuration that was loaded
  }
}

function line(setting: Setting): string {
  const standard = setting.place === undefined ? 'default' : `default of a file in ${setting.place}`
  const origin = setting.origin ? `${setting.origin.file}:${setting.origin.line}` : standard
  const value = maskedSetting(setting)
    .replaceAll('%', '%%')
    .replace(/\0slot:(\d*[ds])\0/g, '%(slot)$1')
    .replaceAll('\n', '\n    ')
  return `# ${origin.replaceAll('\n', ' ')}\n${setting.key} =${value === '' ? '' : ` ${value}`}\n`
}

const needsDefault = (key: string): boolean => !rowOf(key, 'program') && !/^(?:x_|env\.)/.test(key)
