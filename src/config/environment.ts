// Variables for a program's processes, from its three forms: a dotenv file, one line of pairs, and a
// key for each. Later forms win. Also says which names hold secrets, for everybody who prints them.

import { readText } from './files.ts'
import { BadValue } from './problems.ts'
import { quote } from './units.ts'

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** `A=1,B="two, three"`, commas or newlines between; in double quotes `\"` and `\\`. Throws BadValue. */
export function parsePairs(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>()
  // Blanks, a name, =, then a value in double quotes, in single quotes, or up to the next comma or newline.
  const pair = /[\s,]*([^\s=,]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^,\n"']*))[ \t]*(?=[,\n]|$)/sy
  const end = text.replace(/[\s,]+$/, '').length
  while (pair.lastIndex < end) {
    const from = pair.lastIndex
    const found = pair.exec(text)
    if (!found) throw new BadValue(`cannot read ${quote(text.slice(from).trim())}: wanted pairs as A=1,B="two words"`)
    const name = checkName(found[1] ?? '')
    if (pairs.has(name)) throw new BadValue(`cannot set ${name} twice`)
    pairs.set(name, found[2]?.replace(/\\(["\\])/g, '$1') ?? found[3] ?? (found[4] ?? '').trimEnd())
  }
  return pairs
}

/** The variables of a dotenv file, verbatim. Throws BadValue. */
export function readEnvFile(file: string): ReadonlyMap<string, string> {
  if (file.includes('\0'))
    throw new BadValue('cannot read it: base_path differs by slot, and one file serves all; wanted an absolute path')
  const reading = readText(file)
  if ('fault' in reading) {
    throw new BadValue(`${reading.fault} (${file}${reading.line > 0 ? `, line ${reading.line}` : ''})`)
  }
  return parseEnvFile(reading.text.replace(/^\uFEFF/, ''), file)
}

/**
 * Blank, a comment, or NAME=value: the value in quotes, which may go over lines, or up to a # or the end of the line.
 * Node's util.parseEnv reads the same, but passes over what it cannot read, and that may be a password.
 */
const ENV_LINE =
  /[ \t]*(?:(?:export[ \t]+)?([^\s=#]+)[ \t]*=[ \t]*(?:"([^"]*)"|'([^']*)'|`([^`]*)`|([^\s#"'`][^\n#]*)?))?[ \t]*(?:#[^\n]*)?\r?(?:\n|$)/y

function parseEnvFile(text: string, file: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (let at = 0; at < text.length; at = ENV_LINE.lastIndex) {
    ENV_LINE.lastIndex = at
    const found = ENV_LINE.exec(text)
    if (!found) {
      const line = text.slice(0, at).split('\n').length
      throw new BadValue(`cannot read line ${line} of ${file}: wanted NAME=value, and each quotation closed`)
    }
    const [, name, double, single, back, plain = ''] = found
    if (name === undefined) continue
    variables.set(checkName(name), double?.replaceAll('\\n', '\n') ?? single ?? back ?? plain.trim())
  }
  return variables
}

/** The name, if an environment can carry it. Throws BadValue. */
export function checkName(name: string): string {
  if (ENV_NAME.test(name)) return name
  throw new BadValue(`cannot set ${quote(name)}: wanted a name of letters, digits and _ that begins with no digit`)
}

const SECRET =
  /passw(?:or)?d|passphrase|secret|token|credential|api_?key|private|cookie|authorization|(?:^|[^a-z])(?:pass|pw|auth|key)(?:$|[^a-z])/i

/** Whether a name says that its value is nobody's business. */
export const isSecret = (name: string): boolean => SECRET.test(name)

/** The value as it may be shown: nothing of a secret, no password in a URL, none behind `--password` or `TOKEN=`. */
export function masked(name: string, value: string): string {
  if (isSecret(name) && value !== '') return '***'
  return withoutSecretWords(value.replace(/(:\/\/[^\s:/@]*):[^\s/@]*@/g, '$1:***@'))
}

/** The words of a command as they may be shown. */
export function maskedWords(words: readonly string[]): string[] {
  return words.map((word, at) => {
    const option = /^--?([A-Za-z_][\w-]*)$/.exec(words[at - 1] ?? '')?.[1]
    return option !== undefined && isSecret(option) && !word.startsWith('-') ? '***' : masked('', word)
  })
}

/** `--token abc`, `--token=abc`, `TOKEN=abc`, wherever they stand. */
function withoutSecretWords(text: string): string {
  const name = /(?<![\w-])(--?)?([A-Za-z_][\w-]*)(=|\s+(?!-))/g
  const value = /"[^"]*"|'[^']*'|[^\s"']+/y
  let shown = ''
  let from = 0
  for (let found = name.exec(text); found; found = name.exec(text)) {
    const [, dashes, word = '', between = ''] = found
    if (!isSecret(word) || (dashes === undefined && between !== '=')) {
      // What follows a name may be the next name.
      name.lastIndex -= between.trim() === '' ? between.length : 0
      continue
    }
    value.lastIndex = name.lastIndex
    if (!value.test(text)) continue
    shown += `${text.slice(from, name.lastIndex)}***`
    from = value.lastIndex
    name.lastIndex = from
  }
  return shown + text.slice(from)
}
