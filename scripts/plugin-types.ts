/**
 * Writes the types of `colloquy/fastify` into the built program: those of what an app's author writes, and no others. They
 * import nothing of fastify's, so that an app with any server, logger and type provider compiles.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const source = new URL('../src/plugin/', import.meta.url)

/** Writes index.d.ts and what it imports into a folder. */
export const writePluginTypes = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true })
  for (const name of ['index', 'options']) {
    const fileName = fileURLToPath(new URL(`${name}.ts`, source))
    const { outputText, diagnostics = [] } = ts.transpileDeclaration(await readFile(fileName, 'utf8'), {
      fileName,
      reportDiagnostics: true,
      compilerOptions: { module: ts.ModuleKind.NodeNext, verbatimModuleSyntax: true },
    })
    if (diagnostics.length > 0) {
      throw new Error(ts.flattenDiagnosticMessageText(diagnostics[0]?.messageText, '\n'))
    }
    await writeFile(join(folder, `${name}.d.ts`), outputText)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await writePluginTypes(fileURLToPath(new URL('../dist/src/plugin/', import.meta.url)))
}
