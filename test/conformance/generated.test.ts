import { readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import t from 'tap'
import { readContract } from '../../src/conformance/contract.js'
import { brokenValues } from '../../src/conformance/generated/broken.js'
import { type Schema, schemasOf } from '../../src/conformance/generated/schema.js'
import { validValue } from '../../src/conformance/generated/valid.js'
import { packageRoot } from '../../src/root.js'
import { hasVisibleText } from '../../src/visible-text.js'
import { drawSeed, runs } from '../helpers/seed.js'

const document = JSON.parse(await readFile(new URL('generated/openapi.json', packageRoot), 'utf8'))
const contract = await readContract()
const schemas = schemasOf(contract)
const seed = drawSeed(t)
const draw = <T>(values: fc.Arbitrary<T>, count = 30): T[] =>
  fc.sample(values, { seed, numRuns: runs(count) })

/** A judge of its own, with none of the generator's code. */
const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)
ajv.addFormat('visible-text', hasVisibleText)
ajv.addFormat('int32', true)
ajv.addFormat('int64', true)
ajv.addSchema({ ...document, $id: 'contract' })

/** What is wrong with a value: the places and the rules. */
const errorsOf = (schema: Schema, value: unknown): { at: string; rule: string }[] => {
  const validate = ajv.getSchema(String(schema.$ref)) ?? ajv.compile(schema)
  if (validate(value)) return []
  return (validate.errors ?? [])
    .filter(
      ({ keyword, params }) => keyword !== 'propertyNames' && !(keyword === 'type' && params.type === 'null'),
    )
    .map(({ instancePath, keyword, params }) => ({
      at: keyword === 'required' ? `${instancePath}/${params.missingProperty}` : instancePath,
      rule: keyword,
    }))
}

/** `*` in a place stands for any key or index. */
const isAt = (place: string, path: string): boolean => {
  const [wanted, seen] = [place.split('/'), path.split('/')]
  return wanted.length === seen.length && wanted.every((token, at) => token === '*' || token === seen[at])
}

const named = Object.keys(document.components.schemas).map((name): [string, Schema] => [
  name,
  { $ref: `contract#/components/schemas/${name}` },
])

t.test('every value that is made to be valid is valid', async (t) => {
  for (const [name, schema] of named) {
    const wrong = draw(validValue(schemas, schema)).find((value) => errorsOf(schema, value).length > 0)
    t.equal(wrong, undefined, `${name}: the values are what the schema allows`)
  }
})

t.test('every value that is made to break a rule breaks it, in its place and nowhere else', async (t) => {
  const bodies = [
    'TurnRequest',
    'ConversationCreation',
    'ConversationUpdate',
    'Metadata',
    'MetadataPatch',
    'Id',
    'Day',
  ]
  const more = ['CursorValue', 'IdempotencyKey', 'EventId', 'Usage', 'Conversation', 'DailyUsage', 'Order']
  for (const name of [...bodies, ...more]) {
    const schema = { $ref: `contract#/components/schemas/${name}` }
    const broken = brokenValues(schemas, schema)
    t.ok(broken.length > 0, `${name} has rules`)
    for (const { at, rule, value } of broken) {
      const wrong = draw(value, 10)
        .map((drawn) => ({ drawn, errors: errorsOf(schema, drawn).filter(({ rule }) => rule !== 'anyOf') }))
        .find(
          ({ errors }) =>
            !errors.some((error) => error.rule === rule) || errors.some((error) => !isAt(at, error.at)),
        )
      t.equal(wrong, undefined, `${name}: ${rule} of ${at}, and nothing else, is broken`)
    }
  }
})

t.test('all rules of the request schemas are broken, one by one', async (t) => {
  const rulesOf = (name: string) => [
    ...new Set(
      brokenValues(schemas, { $ref: `contract#/components/schemas/${name}` }).map(
        ({ at, rule }) => `${rule} ${at}`,
      ),
    ),
  ]
  t.same(
    rulesOf('TurnRequest').sort(),
    [
      'additionalProperties ',
      ...['conversation_id', 'parent_id', 'regenerate', 'assistant'].flatMap((name) =>
        ['maxLength', 'minLength', 'pattern', 'type'].map((rule) => `${rule} /${name}`),
      ),
      ...['format', 'maxLength', 'minLength', 'pattern', 'type'].map((rule) => `${rule} /message`),
      ...['maxLength', 'minLength', 'type'].map((rule) => `${rule} /model`),
      'type ',
    ].sort(),
    'of a message',
  )
  t.same(
    rulesOf('ConversationUpdate').sort(),
    [
      'additionalProperties ',
      'minProperties ',
      'type ',
      'type /archived',
      'type /pinned',
      ...['format', 'maxLength', 'minLength', 'pattern', 'type'].map((rule) => `${rule} /title`),
      ...['maxLength', 'minLength', 'pattern', 'type'].map((rule) => `${rule} /active_message_id`),
      ...['format', 'maxLength', 'pattern', 'type'].map((rule) => `${rule} /expires_at`),
      ...['maxLength', 'maxProperties', 'minLength', 'type'].map((rule) => `${rule} /metadata`),
      ...['maxLength', 'type'].map((rule) => `${rule} /metadata/*`),
    ].sort(),
    'of a change',
  )
})

t.test('schemas that our contract does not have yet', async (t) => {
  const cases: [string, Schema, Schema][] = [
    [
      'allOf',
      {
        allOf: [
          { type: 'integer', minimum: 2 },
          { type: 'integer', maximum: 4, minimum: 1 },
        ],
      },
      { type: 'integer', minimum: 2, maximum: 4 },
    ],
    [
      'allOf of objects',
      {
        allOf: [
          { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
          { type: 'object', properties: { b: { type: 'null' } }, required: ['b'] },
        ],
      },
      { type: 'object', required: ['a', 'b'], properties: { a: { type: 'string' }, b: { type: 'null' } } },
    ],
    ['several types', { type: ['string', 'null'], maxLength: 3 }, { type: ['string', 'null'], maxLength: 3 }],
    [
      'oneOf',
      {
        oneOf: [
          { type: 'integer', minimum: 0 },
          { type: 'integer', maximum: 10 },
        ],
      },
      {
        oneOf: [
          { type: 'integer', minimum: 0 },
          { type: 'integer', maximum: 10 },
        ],
      },
    ],
    [
      'a list',
      { type: 'array', items: { enum: ['a', 'b'] }, minItems: 1, maxItems: 3 },
      { type: 'array', items: { enum: ['a', 'b'] }, minItems: 1, maxItems: 3 },
    ],
    ['a uuid', { type: 'string', format: 'uuid' }, { type: 'string', format: 'uuid' }],
    ['a time', { type: 'string', format: 'date-time' }, { type: 'string', format: 'date-time' }],
  ]
  for (const [what, schema, meaning] of cases) {
    for (const value of draw(validValue(schemas, schema), 20))
      if (!ajv.validate(meaning, value)) t.fail(`${what}: valid values are valid`, { value })
    const broken = brokenValues(schemas, schema)
    t.ok(broken.length > 0, `${what}: there are rules to break`)
    for (const { rule, value } of broken)
      for (const drawn of draw(value, 10))
        if (ajv.validate(meaning, drawn)) t.fail(`${what}: what breaks ${rule} is not valid`, { drawn })
  }
  t.throws(
    () => validValue(schemas, { type: 'object', patternProperties: {} }),
    /patternProperties/,
    'an unknown keyword is no keyword to skip',
  )
})
