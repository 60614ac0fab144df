// `npm run man`: writes the manual pages to dist/man. They are made anew with each build, and stand in the package only.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { packageVersion } from '../../src/package.ts'
import { manualPages } from './pages.ts'

const read = (file: string): string => readFileSync(file, 'utf8')
const folder = 'dist/man'

mkdirSync(folder, { recursive: true })
// Whoever builds packages that are the same each time says which day it is.
const now = process.env.SOURCE_DATE_EPOCH ? Number(process.env.SOURCE_DATE_EPOCH) * 1000 : Date.now()
const date = new Date(now).toISOString().slice(0, 10)
const sources = {
  date,
  version: packageVersion(),
  readme: read('README.md'),
  configuration: read('docs/configuration.md'),
}
for (const [name, text] of manualPages(sources)) writeFileSync(path.join(folder, name), text)
