import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import ts from 'typescript'
import { packageRoot } from '../../src/root.js'

const folder = new URL('src/client/', packageRoot)
const files = readdirSync(folder).filter((name) => name.endsWith('.ts'))

/** What a file needs when it runs; imports of types are gone by then. */
const importsOf = (file: string): string[] => {
  const { outputText } = ts.transpileModule(readFileSync(new URL(file, folder), 'utf8'), {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
    },
  })
  return ts.preProcessFile(outputText).importedFiles.map(({ fileName }) => fileName)
}

t.test('the client runs in a browser: no server code, nothing of Node', async (t) => {
  const own = new Set(files.map((file) => `./${file.replace(/ts$/, 'js')}`))
  for (const file of files) {
    const foreign = importsOf(file).filter((name) => !own.has(name))
    t.same(foreign, file === 'event-stream.ts' ? ['eventsource-parser'] : [], file)
    t.notMatch(readFileSync(new URL(file, folder), 'utf8'), /\b(process|Buffer|require)\b/, file)
  }
})
