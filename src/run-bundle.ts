// What `phd` and `phctl` are: runs the bundle of that name beside it, with the code that V8 made of it when it was
// built (`phd.code`). Compiling is a third of what a start costs beyond Node's own; V8 refuses code of another version
// of itself, and then compiles as ever. With `--make-code` as the first word it does what the other words say, and
// keeps the code of all functions that were needed for that (bench/make-code.ts has it do what is waited for most). Of the
// source V8 compares only the length, so whoever builds a bundle makes its code in the same breath.

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Script } from 'node:vm'

type Wrapper = (exports: object, require: NodeJS.Require, module: object, filename: string, dirname: string) => void

const stem = __filename.replace(/\.cjs$/, '')
const filename = `${stem}.bundle.cjs`
const codeFile = `${stem}.code`
const source = readFileSync(filename, 'utf8')
const makesCode = process.argv[2] === '--make-code'
if (makesCode) {
  process.argv.splice(2, 1)
  process.env.PHD_MAKES_CODE = 'yes' // main.ts leaves V8's flags alone then
}

const script = compile(makesCode ? undefined : readCode())
if (makesCode) process.on('exit', () => writeFileSync(codeFile, script.createCachedData()))
const module = { exports: {} }
const wrapper = script.runInThisContext() as Wrapper
wrapper(module.exports, createRequire(filename), module, filename, __dirname)

/** As Node's own loader wraps a CommonJS module. A bundle has no `import()`: with code from a file Node knows no loader for it. */
function compile(cachedData: Buffer | undefined): Script {
  return new Script(`(function (exports, require, module, __filename, __dirname) { ${source}\n})`, {
    filename,
    cachedData,
  })
}

function readCode(): Buffer | undefined {
  try {
    return readFileSync(codeFile)
  } catch {
    return undefined // never made: it only takes longer
  }
}
