// Random storms against the supervisor: see helpers/storm.ts and helpers/storm-rules.ts.

import { test } from 'node:test'
import { playAll, share } from '../helpers/storms.ts'

test(`${share} random storms: every rule holds, and calm comes after each`, () => playAll(false))
