// `npm run schema`: writes docs/phctl.schema.json, what `phctl --json` prints for each command. A test compares it.

import { writeFileSync } from 'node:fs'
import { jsonSchema } from './json-schema.ts'

writeFileSync('docs/phctl.schema.json', `${JSON.stringify(jsonSchema(), null, 2)}\n`)
