import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { packageRoot } from '../src/root.js'

const folder = fileURLToPath(new URL('test/compile-fail/', packageRoot))
const files = readdirSync(folder).map((name) => `${folder}${name}`)

/** The project's own strictness, without the rules about unused names. */
const compilerOptions = (): ts.CompilerOptions => {
  const { config } = ts.readConfigFile(fileURLToPath(new URL('tsconfig.json', packageRoot)), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, fileURLToPath(packageRoot))
  return { ...options, noEmit: true, noUnusedLocals: false, noUnusedParameters: false }
}

/** `line: code` for every error that the comment `// @error TSn` announces for the line below it. */
const announced = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, i) => {
      const code = /\/\/ @error (TS\d+)/.exec(line)?.[1]
      return code ? [`${i + 2}: ${code}`] : []
    })

t.test('a handler that does not fit the contract does not compile', async (t) => {
  const program = ts.createProgram(files, compilerOptions())
  const found = ts.getPreEmitDiagnostics(program)
  for (const file of files) {
    const here = found
      .filter((diagnostic) => diagnostic.file?.fileName === file)
      .map(({ code, start = 0, file: source }) => {
        const line = (source?.getLineAndCharacterOfPosition(start).line ?? 0) + 1
        return `${line}: TS${code}`
      })
    t.equal(announced(file).length, 1, `${basename(file)} announces its error`)
    t.same(here, announced(file), basename(file))
  }
  t.same(
    found.filter(({ file }) => !file?.fileName.startsWith(folder)).map(({ messageText }) => messageText),
    [],
  )
})
