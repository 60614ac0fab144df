// What is wrong with a configuration: everything is collected and told at once, each finding with
// its place. Nothing here decides what is wrong.

import type { Problem } from '../api/contract.ts'
import { PhError } from '../errors.ts'

export interface Place {
  readonly file: string
  /** From 1; 0 when the whole file is meant. */
  readonly line: number
}

/** More than this helps nobody, and a wrong file of 16 MB would have a million of them. */
const SHOWN = 100

/** A value that does not fit; caught where the place is known. The message begins with "cannot". */
export class BadValue extends Error {
  /** Where the fault stands, when it is not the value that was read (a variable used by it). */
  readonly at: (Place & { readonly key: string }) | null
  /** Only a name was unknown: harmless in an inherited variable that nobody uses. */
  readonly unknownName: boolean

  constructor(message: string, options: { at?: Place & { key: string }; unknownName?: boolean } = {}) {
    super(message)
    this.at = options.at ?? null
    this.unknownName = options.unknownName ?? false
  }
}

export class Findings {
  readonly warnings: Problem[] = []
  private readonly problems: Problem[] = []
  private readonly seen = new Set<string>()

  refuse(at: Place, section: string | null, key: string | null, message: string): void {
    this.add(this.problems, { file: at.file, line: at.line, section, key, message })
  }

  warn(at: Place, section: string | null, key: string | null, message: string): void {
    this.add(this.warnings, { file: at.file, line: at.line, section, key, message })
  }

  /** Throws PH_CONFIG with all that was refused, in the order of the files and lines. */
  settle(): void {
    if (this.problems.length > 0) throw configError(this.problems)
  }

  private add(list: Problem[], problem: Problem): void {
    // A fault in [DEFAULT] shows in every section that inherits it: once is enough.
    const id = JSON.stringify([problem.file, problem.line, problem.key, problem.message])
    if (this.seen.has(id)) return
    this.seen.add(id)
    list.push(problem)
  }
}

/** `file:line: [section] key: message`, without the parts that are not known. */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:` : `${problem.file}:`
  const section = problem.section === null ? '' : ` [${problem.section}]`
  const key = problem.key === null ? '' : ` ${problem.key}:`
  return `${place}${section}${key} ${problem.message}`
}

function configError(all: readonly Problem[]): PhError {
  const files = [...new Set(all.map((problem) => problem.file))]
  const sorted = all.toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line)
  const problems = sorted.slice(0, SHOWN)
  const more = sorted.length > SHOWN ? [`... and ${sorted.length - SHOWN} more`] : []
  return new PhError('PH_CONFIG', [...problems.map(formatProblem), ...more].join('\n'), { problems })
}
