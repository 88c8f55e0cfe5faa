import { type Any, type Check, packagesOf, read } from './files.js'

/** An instruction of a Dockerfile. */
export interface Step {
  keyword: string
  /** all that follows the keyword and its flags */
  text: string
  /** the words of `text`, or the strings of the JSON array that it is */
  words: string[]
  isJson: boolean
  flags: Map<string, string>
  line: number
}

export interface Stage {
  image: string
  name: string | undefined
  steps: Step[]
}

const withoutFlags = (text: string, flags: Map<string, string>): string =>
  flags.size === 0 ? text : text.replace(/^(?:--\S+\s+(?:\\\n\s*)?)+/, '')

const toStep = (instruction: Any): Step => {
  const flags = new Map<string, string>(
    (instruction.getFlags?.() ?? []).map((flag: Any) => [flag.getName(), flag.getValue()]),
  )
  const keyword = instruction.getKeyword()
  const whole = withoutFlags(instruction.getRawArgumentsContent() ?? '', flags).trim()
  // HEALTHCHECK has its array behind CMD.
  const text = keyword === 'HEALTHCHECK' ? whole.replace(/^CMD\s+/, '') : whole
  const isJson = text.startsWith('[')
  return {
    keyword,
    text,
    words: isJson ? JSON.parse(text) : text.split(/\s+/),
    isJson,
    flags,
    line: instruction.getRange().start.line + 1,
  }
}

export const readDockerfile = async (modules: string): Promise<Stage[]> => {
  const { DockerfileParser } = await packagesOf(modules)('dockerfile-ast')
  const stages: Stage[] = []
  for (const instruction of DockerfileParser.parse(await read('Dockerfile')).getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      stages.push({
        image: instruction.getImage(),
        name: instruction.getBuildStage() ?? undefined,
        steps: [],
      })
    } else {
      stages.at(-1)?.steps.push(toStep(instruction))
    }
  }
  return stages
}

/** The last of these instructions in a stage, which is the one that counts. */
export const lastStep = ({ steps }: Stage, keyword: string): Step | undefined =>
  steps.filter((step) => step.keyword === keyword).at(-1)

/** What a linter says, and what an image has to be to be run without rights and without a shell. */
export const checkDockerfile = async (modules: string, stages: Stage[], check: Check): Promise<void> => {
  const { validate } = await packagesOf(modules)('dockerfile-utils')
  const found = validate(await read('Dockerfile'))
  check(found.length === 0, `Dockerfile: ${found.map(({ message }: Any) => message).join('; ')}`)

  for (const { image } of stages)
    check(/^[\w./-]+:\d+\.\d+\.\d+-\w+-slim$/.test(image), `Dockerfile: ${image} is no exact version`)
  check(
    new Set(stages.map(({ image }) => image)).size === 1,
    'Dockerfile: it builds on another Node than it runs on',
  )
  const final = stages.at(-1)
  if (!final) throw new Error('The Dockerfile has no stage.')
  const user = lastStep(final, 'USER')?.words[0] ?? ''
  check(/^[1-9]\d*(:[1-9]\d*)?$/.test(user), `Dockerfile: USER ${user} is no number of an ordinary user`)
  for (const keyword of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK'])
    check(lastStep(final, keyword)?.isJson === true, `Dockerfile: ${keyword} needs a shell`)
  check(
    lastStep(final, 'ENV')?.text.includes('NODE_ENV=production') === true,
    'Dockerfile: not in production',
  )
  check(
    final.steps.every(({ keyword }) => keyword !== 'RUN' && keyword !== 'ADD'),
    'Dockerfile: the last stage runs something, which every platform would need its own builder for',
  )
  check(
    final.steps.filter(({ keyword }) => keyword === 'COPY').every(({ flags }) => flags.has('from')),
    'Dockerfile: the last stage has something that was not built',
  )
}
