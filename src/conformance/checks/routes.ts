import { hasHead } from '../build-request.js'
import { type Check, type Context, Failure } from '../check.js'
import type { Exchange } from '../client.js'
import type { Contract, Operation } from '../contract.js'
import { checksForEach, expect, sampleOf, unknownId } from '../samples.js'

/** The path with the ids of nothing: routes are judged before rows. */
const fill = (path: string, user: string): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) =>
    name === 'user_id' ? encodeURIComponent(user) : unknownId(),
  )

const methodsOf = (header: string | undefined): string[] =>
  (header ?? '')
    .split(',')
    .map((method) => method.trim().toUpperCase())
    .filter((method) => method !== '')

/** What a path takes, as the contract has it. */
const declaredMethods = (operations: Operation[]): string[] => [
  ...operations.map(({ method }) => method),
  ...(operations.some(hasHead) ? ['HEAD'] : []),
  'OPTIONS',
]

const options = async (
  context: Context,
  path: string,
): Promise<{ exchange: Exchange; allowed: string[] }> => {
  const exchange = await context.send({ method: 'OPTIONS', path: fill(path, context.a.id), headers: {} })
  const { response } = exchange
  const promise = 'HEAD and OPTIONS: OPTIONS is 204 with Allow'
  if (response?.status !== 204)
    throw new Failure(`OPTIONS is ${response?.status ?? exchange.error}`, promise, exchange)
  if (response.text !== '') throw new Failure('OPTIONS has a body', promise, exchange)
  return { exchange, allowed: methodsOf(response.headers.allow) }
}

const optionsOf = async (context: Context, path: string, operations: Operation[]): Promise<void> => {
  const { exchange, allowed } = await options(context, path)
  const missing = declaredMethods(operations).filter((method) => !allowed.includes(method))
  if (missing.length > 0)
    throw new Failure(
      `Allow is "${exchange.response?.headers.allow ?? ''}", without ${missing.join(', ')}`,
      'HEAD and OPTIONS: Allow',
      exchange,
    )
}

const refuse = (context: Context, exchange: Exchange, status: number, code: string): void => {
  const [fault] = context.judgeRefusal(exchange, status, code)
  if (fault) throw new Failure(fault.message, fault.promise, exchange)
}

/** Routes are judged before tokens. */
const withAndWithout = (token: string): Record<string, string>[] => [{}, { authorization: `Bearer ${token}` }]

/** Methods that a path does not have are 405, which names those that it has, whoever asks. */
const wrongMethods = async (context: Context, path: string): Promise<void> => {
  const { allowed } = await options(context, path)
  const others = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(
    (method) => !allowed.includes(method),
  )
  for (const method of others) {
    for (const headers of withAndWithout(context.a.token)) {
      const exchange = await context.send({ method, path: fill(path, context.a.id), headers })
      refuse(context, exchange, 405, 'method-not-allowed')
      const named = methodsOf(exchange.response?.headers.allow)
      if (named.sort().join() !== [...allowed].sort().join())
        throw new Failure(
          `the Allow of ${method} is "${named.join(', ')}", that of OPTIONS "${allowed.join(', ')}"`,
          'HEAD and OPTIONS: Allow',
          exchange,
        )
    }
  }
}

const unknownPaths = async (context: Context): Promise<void> => {
  const base = `/api/${encodeURIComponent(context.a.id)}/conversations/${unknownId()}`
  for (const path of [`${base}/no-such-thing`, `${base}/messages/no-such-thing`]) {
    for (const headers of withAndWithout(context.a.token)) {
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
        refuse(context, await context.send({ method, path, headers }), 404, 'route-not-found')
      }
    }
  }
}

const head = async (context: Context, operation: Operation): Promise<void> => {
  const sample = await sampleOf(context, operation, context.a)
  const got = await context.call(operation, { ...sample })
  const asked = await context.call(operation, { ...sample, method: 'HEAD', expect: got.status })
  for (const name of ['content-type', 'cache-control'])
    expect(
      asked.headers[name] === got.headers[name],
      `the ${name} of HEAD is "${asked.headers[name]}", that of GET "${got.headers[name]}"`,
      'Every path with GET answers HEAD the same way',
      asked,
    )
  if (operation.isPublic) return
  await context.call(operation, { ...sample, method: 'HEAD', as: null, expect: 401 })
}

/** Paths and methods. */
export const routeChecks = ({ operations }: Contract): Check[] => {
  const paths = [...new Set(operations.map(({ path }) => path))]
  const checks = paths.flatMap((path): Check[] => {
    const own = operations.filter((operation) => operation.path === path)
    const [first] = own
    const name = first?.id ?? path
    const common = { operation: name }
    return [
      {
        ...common,
        id: `options.${name}`,
        title: `OPTIONS of ${path} is 204 and names its methods`,
        run: (context) => optionsOf(context, path, own),
      },
      {
        ...common,
        id: `wrong-method.${name}`,
        title: `a method that ${path} does not have is 405, before the token is judged`,
        run: (context) => wrongMethods(context, path),
      },
    ]
  })
  const readable = operations.filter(hasHead)
  return [
    ...checks,
    ...checksForEach(readable, 'head', () => 'HEAD is answered like GET, without a body', head),
    {
      id: 'unknown-path',
      title: 'an unknown path is 404 route-not-found, before the token is judged',
      run: unknownPaths,
    },
  ]
}
