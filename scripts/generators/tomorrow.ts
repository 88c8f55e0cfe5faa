import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

interface Schema {
  $ref?: string
  anyOf?: Schema[]
  discriminator?: { propertyName: string; mapping: Record<string, string> }
  items?: Schema
  properties?: Record<string, Schema>
  additionalProperties?: unknown
}

export interface Changes {
  fields: number
  values: number
  events: number
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Says what a contract has against a value. */
const createValidator = (document: object) => {
  const ajv = new Ajv2020({ strict: false })
  addFormats.default(ajv)
  for (const format of ['int32', 'int64', 'visible-text']) ajv.addFormat(format, true)
  ajv.addSchema({ ...document, $id: 'contract' })
  return ({ $ref }: { $ref: string }, value: unknown): string[] => {
    const validate = ajv.getSchema(`contract${$ref}`)
    if (!validate) throw new Error(`The contract has no ${$ref}.`)
    return validate(value) ? [] : (validate.errors ?? []).map((e) => `${$ref}${e.instancePath}: ${e.message}`)
  }
}

/**
 * Turns an answer of today into one of a later version, as its schema allows: each object has one more field, and each value of
 * a Known… enum is one that nobody knows yet. What comes of it has to be right by the contract that the client knows.
 */
export const createTomorrow = (document: object, clientDocument: object) => {
  const changes: Changes = { fields: 0, values: 0, events: 0 }
  const faults = new Set<string>()
  const validate = createValidator(clientDocument)

  const resolve = (schema: Schema): Schema => {
    if (!schema.$ref) return schema
    const parts = schema.$ref.slice(2).split('/')
    return resolve(
      parts.reduce<unknown>((node, key) => (isObject(node) ? node[key] : undefined), document) as Schema,
    )
  }

  const changeValue = (reference: Schema, value: unknown): unknown => {
    const schema = resolve(reference)
    if (schema.anyOf) return changeAny(schema.anyOf, value)
    if (Array.isArray(value))
      return value.map((item) => (schema.items ? changeValue(schema.items, item) : item))
    if (!isObject(value)) return value
    const { discriminator, properties } = schema
    if (discriminator) {
      const $ref = discriminator.mapping[String(value[discriminator.propertyName])]
      return $ref ? changeValue({ $ref }, value) : value
    }
    if (!properties || schema.additionalProperties !== undefined) return value
    const fields = Object.entries(value).map(([key, field]) => [
      key,
      properties[key] ? changeValue(properties[key], field) : field,
    ])
    changes.fields += 1
    return { ...Object.fromEntries(fields), tomorrow: { is: 'another day' } }
  }

  const changeAny = (anyOf: Schema[], value: unknown): unknown => {
    const [known] = anyOf
    if (known === undefined || value === null) return value
    if (typeof value === 'string' && known.$ref?.includes('/Known')) {
      changes.values += 1
      return 'tomorrow'
    }
    return changeValue(known, value)
  }

  const change = (schema: { $ref: string }, value: unknown): unknown => {
    const changed = changeValue(schema, value)
    for (const fault of validate(schema, changed)) faults.add(fault)
    return changed
  }

  /** An event that today's version does not have comes after `data-turn`. */
  const changeFrame = (schema: { $ref: string }, frame: string): string => {
    const [, before = '', data = ''] = /^([\s\S]*)^data: (\{.*\})$/m.exec(frame) ?? []
    if (!data) return frame
    const event: unknown = JSON.parse(data)
    const changed = `${before}data: ${JSON.stringify(change(schema, event))}`
    if (!isObject(event) || event.type !== 'data-turn') return changed
    changes.events += 1
    const later = change(schema, { type: 'data-tomorrow', transient: true, data: { is: 'another day' } })
    return `${changed}\n\ndata: ${JSON.stringify(later)}`
  }

  return { change, changeFrame, changes, faults }
}
