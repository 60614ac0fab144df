// What is wrong with parameters, in words that say what was wanted and what came. zod finds it; its own words are
// for programmers.

import type * as z from 'zod'
import { hintOf, nearestOf } from '../config/near.ts'
import { meant } from '../errors.ts'

export interface Issue {
  readonly path: string
  readonly message: string
}

/** @param known the names that the method takes */
export function issuesOf(error: z.ZodError, params: unknown, known: readonly string[]): Issue[] {
  return error.issues.map((issue) => ({
    path: issue.path.map(String).join('.'),
    message: wordsOf(issue, valueAt(params, issue.path), issue.path.length === 0 ? known : []),
  }))
}

function wordsOf(issue: z.core.$ZodIssue, came: unknown, known: readonly string[]): string {
  const wanted = (what: string): string =>
    `wanted ${what}, ${came === undefined ? 'nothing came' : `came ${shown(came)}`}`
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, known)).join('; ')
    case 'invalid_value': {
      const near = typeof came === 'string' ? nearestOf(came, issue.values.map(String)) : null
      return `${wanted(`one of ${issue.values.map(String).join(', ')}`)}${meant(near)}`
    }
    case 'too_big':
      return wanted(`at most ${issue.maximum}`)
    case 'too_small':
      return wanted(`${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`)
    case 'invalid_type':
      return wanted(kinds[issue.expected] ?? issue.expected)
    case 'invalid_format':
      return wanted(issue.format === 'datetime' ? 'a time as 2026-11-28T10:00:00Z' : issue.format)
    case 'invalid_union':
      return wanted('a name, or a list of names')
    default:
      return issue.message
  }
}

function unknownKey(key: string, known: readonly string[]): string {
  return `there is no parameter ${shown(key)}${known.length > 0 ? hintOf(key, known) : ''}`
}

const unitOf = (origin: string): string => (origin === 'string' ? ' character' : origin === 'array' ? ' entry' : '')

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
}

/** A value as JSON, and no longer than an error should be. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= 60 ? text : `${text.slice(0, 60)}...`
}

function valueAt(params: unknown, path: readonly PropertyKey[]): unknown {
  let value = params
  for (const key of path) value = (value as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key]
  return value
}
