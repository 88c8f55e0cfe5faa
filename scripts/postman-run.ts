import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Collection {
  variable: { key: string; value: string }[]
  item: { name: string; item: Request[] }[]
}

interface Request {
  name: string
  request: { auth?: { type: string }; header: Field[]; url: { query?: Field[] } }
}

interface Field {
  key: string
  value: string
  disabled?: boolean
}

interface Execution {
  item: { name: string }
  requestError?: Error
  assertions?: { assertion: string; error?: Error }[]
}

interface Newman {
  run(
    options: { collection: object; timeoutRequest: number },
    callback: (error: Error | null, summary: { run: { executions: Execution[] } }) => void,
  ): void
}

export interface Sent {
  name: string
  /** each of its assertions, with what is wrong if it failed */
  assertions: { assertion: string; failure: string | undefined }[]
}

/** Sends the requests of a collection one after the other, with newman, Postman's own runner. */
export const runCollection = async (modules: string, collection: object): Promise<Sent[]> => {
  const newman = createRequire(join(modules, 'newman/package.json'))('newman') as Newman
  const { run } = await promisify(newman.run)({ collection, timeoutRequest: 30_000 })
  return run.executions.map(({ item, requestError, assertions = [] }) => ({
    name: item.name,
    assertions: [
      ...(requestError ? [{ assertion: 'it is answered', failure: requestError.message }] : []),
      ...assertions.map(({ assertion, error }) => ({ assertion, failure: error?.message })),
    ],
  }))
}

export const requestsOf = ({ item }: Collection): Request[] => item.flatMap((folder) => folder.item)

/** The same collection with other values of its variables. */
export const withVariables = (collection: Collection, values: Record<string, string>): Collection => ({
  ...collection,
  variable: collection.variable.map((entry) => ({ ...entry, value: values[entry.key] ?? entry.value })),
})

/** The same collection with each of its optional parameters sent, as long as it has a value. */
export const withOptionalParameters = (collection: Collection): Collection => {
  const variables = new Map(collection.variable.map(({ key, value }) => [`{{${key}}}`, value]))
  const enable = (fields: Field[] = []): Field[] =>
    fields.map(
      (field) => ({ ...field, disabled: variables.get(field.value) === '' && field.disabled }) as Field,
    )
  const change = ({ request, ...rest }: Request): Request => {
    const { header, url } = request
    return {
      ...rest,
      request: { ...request, header: enable(header), url: { ...url, query: enable(url.query) } },
    }
  }
  return {
    ...collection,
    item: collection.item.map((folder) => ({ ...folder, item: folder.item.map(change) })),
  }
}
