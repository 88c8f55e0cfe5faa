import t from 'tap'
import { openModel } from '../../src/models/open-model.js'
import { providerNames } from '../../src/models/providers.js'
import type { Json } from '../helpers/app.js'
import { credentialsFor, modelSettings } from '../helpers/provider-app.js'
import { wires } from '../helpers/provider-wire.js'
import { events, upstream } from '../helpers/upstream.js'

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more })
const id = { type: 'string' }

/** Valid schemas for which a provider, or its package, would refuse the whole request: with what Google is sent of them. */
const rows: [what: string, schema: Json, google: Json | undefined][] = [
  [
    'values of several types',
    object({ a: { enum: ['a', 1, null] } }),
    object({ a: { description: 'One of: "a", 1, null' } }),
  ],
  [
    'null among the values',
    object({ a: { ...id, enum: ['a', null] } }),
    object({ a: { ...id, nullable: true, enum: ['a'] } }),
  ],
  ['null alone', object({ a: { const: null } }), object({ a: { type: 'null' } })],
  [
    'values of another type',
    object({ a: { type: 'integer', enum: ['1'], description: 'How many.' } }),
    object({ a: { type: 'integer', description: 'How many. One of: "1"' } }),
  ],
  [
    'an empty value',
    object({ a: { ...id, enum: ['', 'b'] } }),
    object({ a: { ...id, description: 'One of: "", "b"' } }),
  ],
  ['a reference to the whole', object({ a: { $ref: '#' } }), object({ a: {} })],
  ['a reference to a property', object({ a: id, b: { $ref: '#/properties/a' } }), object({ a: id, b: id })],
  [
    'references in a circle',
    object({ a: { $ref: '#/properties/b' }, b: { $ref: '#/properties/a' } }),
    object({ a: {}, b: {} }),
  ],
  [
    'a reference to an anchor',
    object({ a: { $ref: '#x' } }, { $defs: { x: { ...id, $anchor: 'x' } } }),
    object({ a: {} }),
  ],
  [
    'values of several types in a definition',
    object({ a: { $ref: '#/$defs/x' } }, { $defs: { x: { enum: [true, 1] } } }),
    object({ a: { description: 'One of: true, 1' } }),
  ],
  ['schemas that are true and false', object({ a: true, b: false }), object({ a: {}, b: {} })],
  [
    'a required property that is not there',
    object({ a: id }, { required: ['a', 'b'] }),
    object({ a: id }, { required: ['a'] }),
  ],
  ['a format', object({ a: { ...id, format: 'uri' } }), object({ a: id })],
  ['no properties, but any', object({}, { additionalProperties: true }), undefined],
  [
    'alternatives at the top',
    object(
      { a: id },
      { anyOf: [{ required: ['a'] }, object({ b: { type: 'integer' } }, { required: ['b'] })] },
    ),
    object({ a: id, b: { type: 'integer' } }),
  ],
  [
    'one of several objects',
    { type: 'object', oneOf: [object({ kind: { const: 'a' }, a: id }), object({ kind: { const: 'b' } })] },
    object({
      kind: {
        anyOf: [
          { ...id, enum: ['a'] },
          { ...id, enum: ['b'] },
        ],
      },
      a: id,
    }),
  ],
  [
    'all of several objects',
    {
      type: 'object',
      allOf: [{ $ref: '#/$defs/a' }, object({ b: id })],
      $defs: { a: object({ a: id }, { required: ['a'] }) },
    },
    object({ a: id, b: id }, { required: ['a'] }),
  ],
  [
    'a property with a sign in its name',
    object({ $top: { type: 'integer' }, a: id }, { required: ['$top', 'a'] }),
    object({ $top: { type: 'integer' }, a: id }, { required: ['$top', 'a'] }),
  ],
]

const tree = { $ref: '#/$defs/tree' }
/** More of them, whose references and combinations not every provider knows. */
const combined: typeof rows = [
  ['an object that says nothing else', { type: 'object' }, undefined],
  [
    'a reference at the top',
    {
      type: 'object',
      properties: {},
      $ref: '#/$defs/in',
      $defs: { in: object({ a: id }, { required: ['a'] }) },
    },
    object({ a: id }, { required: ['a'] }),
  ],
  [
    'one of several, deep in it',
    object({ a: { oneOf: [id, { type: 'integer' }] }, b: { type: 'array', items: { oneOf: [id] } } }),
    object({ a: { anyOf: [id, { type: 'integer' }] }, b: { type: 'array', items: { anyOf: [id] } } }),
  ],
  [
    'all of several, deep in it',
    object(
      {
        a: { allOf: [id], description: 'd' },
        b: object(
          { x: id },
          { required: ['x'], allOf: [{ $ref: '#/$defs/y' }, object({ z: id }, { required: ['z'] })] },
        ),
        c: { description: 'd', allOf: [{ $ref: '#/$defs/y' }] },
      },
      { $defs: { y: object({ y: id }) } },
    ),
    object({
      a: { ...id, description: 'd' },
      b: object({ x: id, y: id, z: id }, { required: ['x', 'z'] }),
      c: object({ y: id }, { description: 'd' }),
    }),
  ],
  [
    'names of definitions that a URI writes in another way',
    object(
      {
        a: { $ref: '#/$defs/50%' },
        b: { $ref: '#/$defs/a~b' },
        c: { $ref: '#/$defs/a%2Fb' },
        d: { $ref: '#/$defs/a~1b' },
        e: { $ref: '#/$defs/a%20b' },
      },
      { $defs: { '50%': id, 'a~b': id, 'a/b': id, 'a b': id } },
    ),
    object({ a: id, b: id, c: id, d: id, e: id }),
  ],
  [
    'a definition within itself, which Google takes as JSON Schema',
    object({ a: tree }, { $defs: { tree: object({ in: { type: 'array', items: tree } }) } }),
    object({ a: tree }, { $defs: { tree: object({ in: { type: 'array', items: tree } }) } }),
  ],
  [
    'a schema that cannot be read',
    Object.defineProperty({ type: 'object' }, 'properties', {
      enumerable: true,
      get() {
        throw new Error('No.')
      },
    }),
    undefined,
  ],
]

const times = (count: number, of: (n: number) => object) => Array.from({ length: count }, (_, n) => of(n))
const named = (name: string, values: object[]) =>
  Object.fromEntries(values.map((value, n) => [name + n, value]))
/** Of few bytes each, and of millions when each reference is followed. */
const endless: [what: string, schema: Json][] = [
  ['alternatives that are the whole', { type: 'object', anyOf: times(20, () => ({ $ref: '#' })) }],
  [
    'properties that have each other',
    object(
      named(
        'p',
        times(8, () =>
          object(
            named(
              'f',
              times(8, (n) => ({ $ref: `#/properties/p${n}` })),
            ),
          ),
        ),
      ),
    ),
  ],
  ...['properties', '$defs'].map((where): [string, Json] => {
    const next = (n: number) => ({ $ref: `#/${where}/p${n + 1}` })
    const chain = named('p', [...times(20, (n) => object({ a: next(n), b: next(n) })), id])
    const all = where === 'properties' ? chain : { a: { $ref: '#/$defs/p0' } }
    return [`a chain of ${where}`, object(all, where === '$defs' ? { $defs: chain } : {})]
  }),
]

/** What OpenAI and Anthropic refuse at the top of a schema. */
const refusedAtTop = ['anyOf', 'oneOf', 'allOf', 'enum', 'not', 'const', '$ref']

for (const name of providerNames) {
  t.test(`${name}: the schema of one tool costs a turn nothing`, async (t) => {
    const provider = await upstream(t)
    const credentials = credentialsFor(name, provider.url)
    const model = await openModel(`${name}/m`, { ...modelSettings, credentials })
    provider.answer(events(...wires[name].answer('Hello')))
    for (const [what, inputSchema, google] of [...rows, ...combined]) {
      const tools = [{ name: 'odd', description: 'd', inputSchema }]
      const signal = new AbortController().signal
      let text = ''
      for await (const event of model.run({ system: undefined, history: [], message: 'hi', tools, signal })) {
        if (event.type === 'text-delta') text += event.delta
      }
      t.equal(text, 'Hello', `${what}: the turn is answered`)
      const [offered] = provider.requests.at(-1)?.body.tools ?? []
      if (name === 'google') {
        const { parameters, parametersJsonSchema } = offered.functionDeclarations[0]
        t.same(parameters ?? parametersJsonSchema, google, `${what}: is offered`)
      } else {
        const { type, ...schema } = offered.input_schema ?? offered.parameters ?? offered.function.parameters
        t.equal(type, 'object', `${what}: the arguments are an object`)
        t.type(schema.properties, 'object', `${what}: with properties`)
        t.same(
          refusedAtTop.filter((keyword) => keyword in schema),
          [],
          `${what}: nothing that is refused`,
        )
        if (name === 'anthropic') {
          const names = [...Object.keys(schema.properties ?? {}), ...(schema.required ?? [])]
          t.same(
            names.filter((name) => !/^[a-zA-Z0-9_.-]{1,64}$/.test(name)),
            [],
            `${what}: no name that is refused`,
          )
        }
      }
    }
    for (const [what, inputSchema] of endless) {
      const tools = [{ name: 'odd', description: 'd', inputSchema }]
      const signal = new AbortController().signal
      for await (const _ of model.run({ system: undefined, history: [], message: 'hi', tools, signal }));
      const sent = JSON.stringify(provider.requests.at(-1)?.body.tools).length
      t.ok(sent < 64_000, `${what}: ${sent} characters are sent`)
    }
  })
}
