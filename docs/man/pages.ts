// The manual pages: phd(1), phctl(1), phd-config(5). Made of the tables that the programs themselves read (commands,
// options, keys) and of the pages of docs/ that tests compare with the code, so that they say nothing else.

import { usageOf } from '../../cli/args.ts'
import { type CommandRow, catalog, globalOptions, type Topic } from '../../cli/commands/catalog.ts'
import { usage } from '../../src/arguments.ts'
import type { SettingRow } from '../../src/config/setting-row.ts'
import { rows } from '../../src/config/settings.ts'
import { roffOf, sectionOf } from './markdown.ts'
import { example, type Head, heading, inline, item, pageOf, paragraph, subheading } from './roff.ts'

export interface Sources {
  readonly version: string
  readonly date: string
  /** README.md */
  readonly readme: string
  /** docs/configuration.md */
  readonly configuration: string
}

/** File name -> text. */
export function manualPages(sources: Sources): ReadonlyMap<string, string> {
  const { version, date } = sources
  const page = (name: string, section: number, what: string, body: readonly string[]): [string, string] => {
    const head: Head = { name, section, version, date, what }
    return [`${name}.${section}`, pageOf(head, [...body, ...seeAlso(`${name}(${section})`)])]
  }
  return new Map([
    page('phd', 1, 'keep the worker programs of an INI file alive', phd(sources)),
    page('phctl', 1, 'look at and steer the programs that phd keeps', phctl(sources)),
    page('phd-config', 5, 'the configuration of phd', config(sources)),
  ])
}

function seeAlso(own: string): string[] {
  const others = ['phd(1)', 'phctl(1)', 'phd-config(5)'].filter((one) => one !== own)
  return [heading('See also'), inline(others.map((one) => one.replace(/^[^(]+/, '**$&**')).join(', '))]
}

function phd({ readme }: Sources): string[] {
  const [what = '', ...lines] = usage.split('\n').filter((line) => line !== '')
  const synopsis = lines.find((line) => line.startsWith('usage: ')) ?? ''
  return [
    heading('Synopsis'),
    inline(synopsis.replace('usage: phd', '**phd**')),
    heading('Description'),
    ...paragraph(`${what.replace(/^phd: /, '`phd` ')}.`),
    ...paragraph('The keys of the file are in phd-config(5), the commands that speak to a running phd in phctl(1).'),
    heading('Options'),
    ...optionsOfPhd(usage),
    heading('Signals'),
    ...tableBehind(readme, 'signal'),
    heading('Exit status'),
    ...tableBehind(readme, 'phd'),
    heading('Files'),
    ...item(
      '`./config.ini`, `~/.config/phd/config.ini`, `/etc/phd/config.ini`',
      'the configuration, the first that is there',
    ),
    ...item(
      '`phd.sock`, `master.pid`, `phd.log`, `.phd/`',
      'socket, pid, log and lock of the master, beside the file unless it says otherwise',
    ),
  ]
}

/** The lines of `phd --help` that begin with an option, with those that go on. */
function optionsOfPhd(text: string): string[] {
  const found = text.matchAll(/^ {2,6}((?:-\w, )?--[^\n]*?)(?: {2,}([^\n]*(?:\n {20,}[^\n]*)*))?$/gm)
  return [...found].flatMap(([, flags = '', meaning = '']) => item(bold(flags), meaning.replace(/\s+/g, ' ')))
}

function phctl({ readme }: Sources): string[] {
  const topics: readonly Topic[] = [...new Set(Object.values<CommandRow>(catalog).map(({ topic }) => topic))]
  const all = Object.entries<CommandRow>(catalog) as [keyof typeof catalog, CommandRow][]
  return [
    heading('Synopsis'),
    inline('**phctl** [options] COMMAND'),
    '.br',
    inline('**phctl** [options]'),
    heading('Description'),
    ...paragraph(
      '`phctl` asks a running phd(1) over its socket, prints the answer, and says by its exit status how it went.',
    ),
    ...paragraph(
      'Without a command, on a terminal, it is a prompt: each line is a command. TAB completes, Ctrl-C ends a command, Ctrl-D leaves. Lines that were typed are kept in `~/.local/state/phd/phctl_history`; one that begins with a blank is not.',
    ),
    ...paragraph('TARGET is a program (`web`), one of its processes (`web:2`), a group, a glob (`web-*`) or `all`.'),
    heading('Options'),
    ...paragraph('Before or after the command.'),
    ...globalOptions.flatMap(([flags, meaning]) => item(bold(flags), meaning)),
    heading('Commands'),
    ...topics.flatMap((topic) => [
      subheading(topic),
      ...all.filter(([, row]) => row.topic === topic).flatMap(([name, row]) => commandOf(name, row)),
    ]),
    heading('Exit status'),
    ...tableBehind(readme, 'phctl'),
    heading('Environment'),
    ...item('`PHD_SOCKET`', 'the socket, unless -s says another'),
    ...item('`NO_COLOR`', 'no colour, whatever the terminal can'),
    ...item('`XDG_STATE_HOME`', 'where the history of the prompt is kept'),
  ]
}

function commandOf(
  name: keyof typeof catalog,
  { meaning, details = [], options = [], examples }: CommandRow,
): string[] {
  const sentence = `${meaning.slice(0, 1).toUpperCase()}${meaning.slice(1)}.`
  return [
    ...item(
      `**${
        usageOf(name)
          .replace(/^phctl /, '')
          .split(' ')[0]
      }** ${usageOf(name).split(' ').slice(2).join(' ')}`,
      sentence,
    ),
    ...details.flatMap((line) => ['.br', inline(line)]),
    '.RS',
    ...options.flatMap(([flags, what]) => item(bold(flags), what)),
    ...example(examples),
    '.RE',
  ]
}

function config({ configuration }: Sources): string[] {
  const [intro = ''] = configuration.split('\n## ')
  const titles = [...configuration.matchAll(/^## (.*)$/gm)].map((match) => match[1] ?? '')
  return [
    heading('Description'),
    ...roffOf(intro),
    ...titles.flatMap((title) => {
      const below = sectionOf(configuration, title)
      const keys = title === '`[master]`' ? rows.master : title === 'Program sections' ? rows.program : null
      if (!keys) return [heading(title.replaceAll('`', '')), ...roffOf(below)]
      const [before = '', after = ''] = below.split(/^\|[\s\S]*\|$/m)
      return [heading(title.replaceAll('`', '')), ...roffOf(before), ...keys.flatMap(keyOf), ...roffOf(after)]
    }),
  ]
}

function keyOf({ name, aliases = [], type, default: usual, meaning }: SettingRow): string[] {
  const facts = [type === 'duration' ? 'time' : type, ...(usual === null ? [] : [`default \`${usual}\``])].join(', ')
  return item([name, ...aliases].map((one) => `\`${one}\``).join(', '), `(${facts}) ${meaning}`)
}

/** The table of a page whose head begins with this cell. */
function tableBehind(page: string, head: string): string[] {
  const lines = page.split('\n')
  const from = lines.findIndex((line) => line.startsWith(`| ${head} |`))
  if (from < 0) throw new Error(`cannot find the table "${head}"`)
  const to = lines.findIndex((line, at) => at > from && !line.startsWith('|'))
  return roffOf(lines.slice(from, to).join('\n'))
}

const bold = (flags: string): string => flags.replace(/--?[\w-]+/g, '**$&**')
