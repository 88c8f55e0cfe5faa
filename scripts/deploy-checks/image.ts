import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { basename, join, posix } from 'node:path'
import { run } from '../run.js'
import { lastStep, type Stage, type Step } from './dockerfile.js'
import { packagesOf, read, root } from './files.js'

export interface Image {
  /** the folder that stands for the container's root */
  folder: string
  env: Record<string, string>
  workdir: string
  user: number
  /** Gives a command line of the image as it is here. */
  command(words: string[]): string[]
  entrypoint: string[]
  cmd: string[]
  healthcheck: string[]
}

interface Options {
  modules: string
  signal: AbortSignal
  /** runs `npm ci` itself, in place of taking the packages that it has installed here */
  installs: boolean
}

/** What `docker build` would send: the files that .dockerignore leaves. */
const copyContext = async (folder: string, modules: string): Promise<void> => {
  const ignore = await packagesOf(modules)('@balena/dockerignore')
  const ignored = ignore().add(await read('.dockerignore'))
  for (const name of await readdir(root)) {
    if (ignored.ignores(name)) continue
    await cp(join(root, name), join(folder, name), {
      recursive: true,
      filter: (path) => !ignored.ignores(path.slice(root.length)),
    })
  }
}

/** As COPY does: of a folder what is in it, and a file into a folder or as one. */
const copy = async ({ words }: Step, from: string, workdir: string): Promise<void> => {
  const target = words.at(-1) ?? ''
  const sources = words.slice(0, -1)
  for (const source of sources) {
    const path = join(from, source)
    const isFolder = (await stat(path)).isDirectory()
    const intoFolder = sources.length > 1 || target.endsWith('/')
    const to = join(workdir, target, isFolder || !intoFolder ? '' : basename(source))
    await mkdir(isFolder ? to : join(to, '..'), { recursive: true })
    await cp(path, to, { recursive: true, verbatimSymlinks: true })
  }
}

/** The packages that `npm ci` has installed here, of the same lockfile. */
const takePackages = async (workdir: string, signal: AbortSignal): Promise<void> => {
  const packages = join(workdir, 'node_modules')
  const from = join(root, 'node_modules')
  // Links where the file system has them: npm replaces files, and changes none but its list, which it can do without.
  await run('sh', ['-c', 'cp -al "$0" "$1" 2>/dev/null || cp -a "$0" "$1"', from, packages], {
    cwd: root,
    signal,
  })
  await rm(join(packages, '.package-lock.json'), { force: true })
  await rm(join(packages, '.cache'), { recursive: true, force: true })
}

/** Follows the Dockerfile's steps in a folder for each stage, on this machine's Node. Its RUN steps know no absolute path. */
export const buildImage = async (
  stages: Stage[],
  folder: string,
  { modules, signal, installs }: Options,
): Promise<Image> => {
  const context = join(folder, 'context')
  await mkdir(context)
  await copyContext(context, modules)
  const folders = new Map<string | undefined, string>()
  for (const [index, { name, steps }] of stages.entries()) {
    const stage = join(folder, `stage-${index}`)
    await mkdir(stage)
    folders.set(name, stage)
    let workdir = stage
    for (const step of steps) {
      const { keyword, text, flags } = step
      if (keyword === 'WORKDIR') {
        workdir = join(stage, text)
        await mkdir(workdir, { recursive: true })
      }
      if (keyword === 'COPY')
        await copy(step, flags.has('from') ? (folders.get(flags.get('from')) ?? '') : context, workdir)
      if (keyword !== 'RUN') continue
      if (text.startsWith('npm ci') && !installs) await takePackages(workdir, signal)
      else await run('sh', ['-c', text], { cwd: workdir, signal, boundMs: 300_000 })
    }
  }
  const final = stages.at(-1)
  const stage = folders.get(final?.name)
  if (!final || !stage) throw new Error('The Dockerfile has no stage.')
  const words = (keyword: string) => lastStep(final, keyword)?.words ?? []
  return {
    folder: stage,
    env: Object.fromEntries(words('ENV').map((word) => word.split('=', 2))),
    workdir: join(stage, words('WORKDIR')[0] ?? '/'),
    user: Number.parseInt(words('USER')[0] ?? '', 10),
    // Its absolute paths lead into the folder.
    command: (line) =>
      line.map((word) =>
        posix.isAbsolute(word) ? join(stage, word) : word === 'node' ? process.execPath : word,
      ),
    entrypoint: words('ENTRYPOINT'),
    cmd: words('CMD'),
    healthcheck: words('HEALTHCHECK'),
  }
}

export interface Container {
  ended: Promise<number | null>
  output(): string
  kill(signal: NodeJS.Signals): void
}

/** Starts the image as an engine does: as its user, who owns nothing of it, with the variables that it gets and no others. */
export const startContainer = (image: Image, words: string[], env: Record<string, string>): Container => {
  const [program = '', ...args] = image.command(words)
  const child = spawn(program, args, {
    cwd: image.workdir,
    env: { PATH: process.env.PATH ?? '', ...image.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(process.getuid?.() === 0 && { uid: image.user, gid: image.user }),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  return {
    ended: once(child, 'close').then(([code]) => code),
    output: () => output,
    kill: (signal) => void child.kill(signal),
  }
}

/** Runs a command of the image to its end. Rejects when it fails. */
export const runContainer = async (
  image: Image,
  words: string[],
  env: Record<string, string>,
): Promise<string> => {
  const container = startContainer(image, words, env)
  const limit = setTimeout(() => container.kill('SIGKILL'), 60_000)
  const code = await container.ended.finally(() => clearTimeout(limit))
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}:\n${container.output()}`)
  return container.output()
}
