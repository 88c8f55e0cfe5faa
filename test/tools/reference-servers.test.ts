import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Json } from '../helpers/app.js'
import { testFolder } from '../helpers/cluster.js'
import { providerApp } from '../helpers/provider-app.js'
import { httpReference, stdioReference } from '../helpers/reference-servers.js'
import { typesOf } from '../helpers/stream.js'
import { calling, saying } from '../helpers/tool-turns.js'
import { testTools } from '../helpers/tools.js'

/** A call, and what its result has to be: text, data, or an error. */
type Row = [tool: string, args: object, outcome: unknown]
type Outcome = { result: unknown } | { error: unknown }

const failing = (error: unknown) => ({ failing: error })
const outcomeOf = (expected: Json): Outcome =>
  expected?.failing === undefined ? { result: expected } : { error: expected.failing }

/** Has a scripted model call each tool of the server once, in one turn, and checks the results. */
const callAll = async (t: Test, server: object, rows: Row[]) => {
  const registry = testTools(t, { x: server })
  const app = await providerApp(t, 'openai-compatible/m', {}, { tools: registry })
  const { names } = await registry.of('alice')
  t.same(
    [...names].sort(),
    rows.map(([tool]) => tool).sort(),
    'each of its tools is offered, and called below',
  )
  t.same(registry.logged, [], 'the log has no complaint')

  app.provider.answer(
    calling(
      ...rows.map(([tool, args], n): [string, string, string] => [`c${n}`, tool, JSON.stringify(args)]),
    ),
    saying('Done.'),
  )
  const stream = await app.stream('POST', '/api/alice/chat', { body: { message: 'Call everything.' } })
  const events = await stream.all()
  t.equal(typesOf(events).at(-2), 'finish', 'the turn is completed')
  const { data: conversations } = (await app.call('GET', '/api/alice/conversations')).body
  const { body } = await app.call('GET', `/api/alice/conversations/${conversations[0].id}/messages`)
  const calls: Json[] = body.data[1].tool_calls
  for (const [n, [tool, , expected]] of rows.entries()) {
    t.match(calls[n], { name: tool, ...outcomeOf(expected) }, `${tool}: the result`)
  }
  const told: Json[] = app.provider.requests[1]?.body.messages.filter(({ role }: Json) => role === 'tool')
  t.equal(told.length, rows.length, 'the model is told of each')
  const progress = events.flatMap((event) =>
    event !== '[DONE]' && event.type === 'data-tool-progress' ? [event.data] : [],
  )
  return { calls, progress }
}

const long = 'trigger-long-running-operation'

const everything: Row[] = [
  ['echo', { message: 'hello' }, 'Echo: hello'],
  [
    'get-annotated-message',
    { messageType: 'error', includeImage: true },
    /^Error: Operation failed\n\[image\/png, \d+ bytes, left out\]$/,
  ],
  ['get-env', {}, /"PATH"/],
  [
    'get-resource-links',
    { count: 2 },
    /^Here are 2 resource links .*:\nBlob Resource 1 <demo:\/\/\S+\/1>: Resource 1: plaintext resource\nText Resource 2 <demo:\/\/\S+\/2>: Resource 2: plaintext resource$/,
  ],
  [
    'get-resource-reference',
    { resourceType: 'Text', resourceId: 2 },
    /Resource 2: This is a plaintext resource/,
  ],
  [
    'get-structured-content',
    { location: 'Chicago' },
    { temperature: Number, conditions: String, humidity: Number },
  ],
  ['get-sum', { a: 2, b: 3 }, 'The sum of 2 and 3 is 5.'],
  ['get-tiny-image', {}, /\[image\/png, \d+ bytes, left out\]/],
  [long, { duration: 1.8, steps: 3 }, 'Long running operation completed. Duration: 1.8 seconds, Steps: 3.'],
  [
    'gzip-file-as-resource',
    { name: 'a.gz', data: 'data:text/plain,hello', outputType: 'resourceLink' },
    /^a\.gz <demo:\/\/\S+a\.gz>$/,
  ],
  ['toggle-simulated-logging', {}, /^Started simulated/],
  ['toggle-subscriber-updates', {}, /^Started simulated/],
  // It wants to be called as a task, which MCP calls experimental.
  ['simulate-research-query', { topic: 'tea' }, failing(/task/)],
]

for (const transport of ['stdio', 'http'] as const) {
  t.test(`server-everything over ${transport}: each tool, and progress`, async (t) => {
    const server = transport === 'stdio' ? stdioReference('everything', ['stdio']) : await httpReference(t)
    const { calls, progress } = await callAll(t, server, everything)
    const at = everything.findIndex(([tool]) => tool === long)
    t.ok(progress.length >= 2, `${progress.length} reports of progress`)
    for (const { tool_call_id, total } of progress) {
      t.same([tool_call_id, total], [calls[at].id, 3], 'they are of the call that takes long')
    }
    t.equal(progress.at(-1)?.progress, 3, 'the last one says that it is done')
  })
}

t.test('server-filesystem: each tool', async (t) => {
  const folder = join(await testFolder(t), 'files')
  await mkdir(folder)
  const path = (name: string) => join(folder, name)
  await writeFile(path('pixel.png'), 'no real picture')
  await callAll(t, stdioReference('filesystem', [folder]), [
    ['list_allowed_directories', {}, { content: `Allowed directories:\n${folder}` }],
    ['create_directory', { path: path('notes') }, { content: /^Successfully created directory/ }],
    ['write_file', { path: path('a.txt'), content: 'one\ntwo\nthree\n' }, { content: /^Successfully wrote/ }],
    [
      'edit_file',
      { path: path('a.txt'), edits: [{ oldText: 'two', newText: 'zwei' }] },
      { content: /\+zwei/ },
    ],
    [
      'move_file',
      { source: path('a.txt'), destination: path('notes/b.txt') },
      { content: /^Successfully moved/ },
    ],
    ['read_file', { path: path('notes/b.txt') }, { content: 'one\nzwei\nthree\n' }],
    ['read_text_file', { path: path('notes/b.txt'), head: 1 }, { content: 'one' }],
    ['read_media_file', { path: path('pixel.png') }, { content: [{ type: 'image', mimeType: 'image/png' }] }],
    ['read_multiple_files', { paths: [path('notes/b.txt')] }, { content: /zwei/ }],
    ['list_directory', { path: folder }, { content: /\[DIR\] notes/ }],
    ['list_directory_with_sizes', { path: folder, sortBy: 'size' }, { content: /pixel\.png/ }],
    ['directory_tree', { path: folder }, { content: /"b\.txt"/ }],
    ['search_files', { path: folder, pattern: '**/*.txt' }, { content: path('notes/b.txt') }],
    ['get_file_info', { path: path('notes/b.txt') }, { content: /size: 15/ }],
  ])
})

t.test('server-memory: each tool', async (t) => {
  const MEMORY_FILE_PATH = join(await testFolder(t), 'memory.jsonl')
  const tea = { name: 'tea', entityType: 'drink', observations: ['green'] }
  const cup = { name: 'cup', entityType: 'thing', observations: [] }
  const isIn = { from: 'tea', to: 'cup', relationType: 'is in' }
  const known = { ...tea, observations: ['green', 'hot'] }
  await callAll(t, stdioReference('memory', [], { MEMORY_FILE_PATH }), [
    ['create_entities', { entities: [tea, cup] }, { entities: [tea, cup] }],
    ['create_relations', { relations: [isIn] }, { relations: [isIn] }],
    [
      'add_observations',
      { observations: [{ entityName: 'tea', contents: ['hot'] }] },
      { results: [{ entityName: 'tea', addedObservations: ['hot'] }] },
    ],
    ['read_graph', {}, { entities: [known, cup], relations: [isIn] }],
    ['search_nodes', { query: 'drink' }, { entities: [known] }],
    ['open_nodes', { names: ['cup'] }, { entities: [cup] }],
    [
      'delete_observations',
      { deletions: [{ entityName: 'tea', observations: ['hot'] }] },
      { success: true, message: /deleted/ },
    ],
    ['delete_relations', { relations: [isIn] }, { success: true, message: /deleted/ }],
    ['delete_entities', { entityNames: ['cup'] }, { success: true, message: /deleted/ }],
  ])
})
