// Random storms in which the master is killed, at any of its doings in the world, and a next one takes over:
// see helpers/storm-crash.ts and helpers/storm-adoption.ts.

import { test } from 'node:test'
import { playAll, share } from '../helpers/storms.ts'

test(`${share} random storms with kills of the master: every rule holds, and calm comes after each`, () =>
  playAll(true))
