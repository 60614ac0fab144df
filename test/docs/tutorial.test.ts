// docs/tutorial.md typed as it stands, into a shell of somebody who has phd and phctl in their PATH, and the answers
// compared. Numbers may differ, and so may what `...` stands for.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { root, sceneOf } from '../helpers/scene.ts'
import { blocks } from './pages.ts'

const PAGE = 'docs/tutorial.md'
/** Where the page says that it is. */
const HOME = '/home/you'

interface Step {
  readonly typed: string
  readonly answer: string
}

/** Each `$ line`, with the text of a here-document, and what is shown below it. */
function steps(): Step[] {
  return blocks(PAGE, 'console').flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((one) => {
        const [first = '', ...rest] = one.trimEnd().split('\n')
        const [, end] = /<<'(\w+)'/.exec(first) ?? []
        const text = end === undefined ? 0 : rest.indexOf(end) + 1
        return { typed: [first, ...rest.slice(0, text)].join('\n'), answer: rest.slice(text).join('\n') }
      }),
  )
}

test('the tutorial, as written', async (t) => {
  const scene = sceneOf(t)
  for (const name of ['phd', 'phctl']) {
    const program = path.join(root, `dist/bin/${name}.cjs`)
    scene.write(`bin/${name}`, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, 0o755)
  }
  const env = { PATH: `${scene.path('bin')}:${process.env.PATH}`, HOME: scene.dir }
  // A shell for each line; what a terminal's would keep is the folder.
  let cwd = scene.dir
  const type = async (typed: string): Promise<string> => {
    const { stdout } = await promisify(execFile)('sh', ['-c', `{ ${typed}\n} 2>&1; echo "at $PWD"`], { cwd, env })
    const [, said = '', folder = cwd] = /^([\s\S]*)at (.*)\n$/.exec(stdout) ?? []
    cwd = folder
    return said.replaceAll(scene.dir, HOME)
  }
  scene.after(() => type('cd ~/hello && phctl shutdown').then(() => undefined))
  const all = steps()
  assert.ok(all.length > 20, `${all.length} steps`)
  for (const { typed, answer } of all) assert.match(normal(await type(typed)), pattern(answer), `$ ${typed}`)
})

const normal = (answer: string): string =>
  answer
    .split('\n')
    .map((line) =>
      line
        .replace(/\d+(\.\d+)?/g, 'N')
        .replace(/ +/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '')
    .join('\n')

function pattern(answer: string): RegExp {
  const exact = normal(answer).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${exact.replaceAll('\\.\\.\\.', '.*')}$`)
}
