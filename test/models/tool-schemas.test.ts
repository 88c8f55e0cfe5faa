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

/** What OpenAI and Anthropic refuse at the top of a schema. */
const refusedAtTop = ['anyOf', 'oneOf', 'allOf', 'enum', 'not', 'const']

for (const name of providerNames) {
  t.test(`${name}: the schema of one tool costs a turn nothing`, async (t) => {
    const provider = await upstream(t)
    const credentials = credentialsFor(name, provider.url)
    const model = await openModel(`${name}/m`, { ...modelSettings, credentials })
    provider.answer(events(...wires[name].answer('Hello')))
    for (const [what, inputSchema, google] of rows) {
      const tools = [{ name: 'odd', description: 'd', inputSchema }]
      const signal = new AbortController().signal
      let text = ''
      for await (const event of model.run({ system: undefined, history: [], message: 'hi', tools, signal })) {
        if (event.type === 'text-delta') text += event.delta
      }
      t.equal(text, 'Hello', `${what}: the turn is answered`)
      const [offered] = provider.requests.at(-1)?.body.tools ?? []
      if (name === 'google') t.same(offered.functionDeclarations[0].parameters, google, `${what}: is offered`)
      else {
        const { type, ...schema } = offered.input_schema ?? offered.parameters ?? offered.function.parameters
        t.equal(type, 'object', `${what}: the arguments are an object`)
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
  })
}
