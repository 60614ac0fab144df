// phd's command line.

import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { nearestOf } from './config/near.ts'
import { meant, messageOf, PhError } from './errors.ts'

export interface Arguments {
  readonly action: 'run' | 'check' | 'check-upgrade' | 'print-config' | 'version' | 'help'
  /** As given; null = look for one. */
  readonly config: string | null
  readonly sections: readonly string[] | null
  readonly instance: string | null
  readonly foreground: boolean
}

export const usage = `phd: keeps the worker programs of an INI file alive and answers on a Unix socket

usage: phd [-c FILE] [-s NAME ...] [-n] [--instance NAME]

  -c, --config FILE     configuration; default ./config.ini, else
                        ~/.config/phd/config.ini (not for root), else /etc/phd/config.ini
  -s, --section NAME    only this program; may be given several times
  -n, --foreground      stay in the foreground whatever daemonize says
      --instance NAME   one more master on the same file, with files of its own
      --check           check the configuration, print all problems, and exit
      --print-config    print the effective configuration with the origin of each value
      --version, --help

exit: 0 stopped in order; 1 internal error; 2 usage; 3 exit_when: any_fatal; 75 another master runs; 78 configuration
next: phctl status    (phctl help lists the commands)
`

/** Throws PH_USAGE. */
export function readArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parse(argv)
  if (positionals.length > 0) {
    const word = positionals[0] ?? ''
    const hint = existsSync(word)
      ? `a configuration goes behind -c: phd -c ${word}`
      : 'phd has options only (phd --help); commands are for phctl'
    throw new PhError('PH_USAGE', `cannot take "${word}": ${hint}`)
  }
  const action = values.help
    ? 'help'
    : values.version
      ? 'version'
      : values['check-upgrade']
        ? 'check-upgrade'
        : values.check
          ? 'check'
          : values['print-config']
            ? 'print-config'
            : 'run'
  return {
    action,
    config: values.config ?? null,
    sections: values.section ?? null,
    instance: values.instance ?? null,
    foreground: values.foreground ?? false,
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        config: { type: 'string', short: 'c' },
        section: { type: 'string', short: 's', multiple: true },
        instance: { type: 'string' },
        foreground: { type: 'boolean', short: 'n' },
        check: { type: 'boolean' },
        // Asked by a running master, of the program that it is about to become.
        'check-upgrade': { type: 'boolean' },
        'print-config': { type: 'boolean' },
        version: { type: 'boolean', short: 'v' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (e) {
    const [, word = ''] = /^Unknown option '(-[^']*)'/.exec(messageOf(e)) ?? []
    const near = word === '' ? null : nearestOf(word, usage.match(/--[a-z-]+/g) ?? [])
    const why = word === '' ? messageOf(e) : `unknown option '${word}'${meant(near)}`
    throw new PhError('PH_USAGE', `cannot read the command line: ${why} (phd --help)`, {}, { cause: e })
  }
}
