import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { testApp, tokenOf } from '../helpers/app.js'

const demoUser = { id: 'demo', token: tokenOf('demo') }

interface Parameter {
  name: string
  in: string
  required?: boolean
  example?: unknown
  examples?: unknown
  schema: { default?: unknown; example?: unknown; additionalProperties?: unknown }
}
interface Page {
  info: { description: string }
  paths: Record<string, Record<string, unknown>>
  components: { parameters: Record<string, Parameter> }
  'x-development-token'?: string
}

const pageOf = async (url: string, host = new URL(url).host): Promise<Page> => {
  const sent = request(`${url}/docs/json`, { headers: { host } }).end()
  const response = await new Promise<Parameters<typeof text>[0]>((resolve, reject) =>
    sent.on('response', resolve).on('error', reject),
  )
  return JSON.parse(await text(response))
}

const parametersOf = ({ paths, components }: Page): Parameter[] => {
  const places = Object.values(paths).flatMap((path) => [path, ...Object.values(path)])
  const inPlaces = places.flatMap(
    (place) => (place as { parameters?: (Parameter | { $ref: string })[] }).parameters ?? [],
  )
  return [...Object.values(components.parameters), ...inPlaces.filter((parameter) => 'name' in parameter)]
}

/** What Swagger UI puts into the field of a parameter before anybody has typed. */
const prefilled = ({ example, examples, schema }: Parameter): unknown =>
  example ?? examples ?? schema.example ?? schema.default

/** What ends a stream that would have no end, and so no answer that the page shows. */
const endless = [['max_seconds', 1]]

/** The page's own configuration, as the page gets it. */
const configOf = async (url: string) => {
  const script = await (await fetch(`${url}/docs/static/swagger-initializer.js`)).text()
  let config:
    | { requestInterceptor(request: object): Promise<{ headers: Record<string, string> }> }
    | undefined
  const SwaggerUIBundle = Object.assign(
    (given: typeof config) => {
      config = given
      return { initOAuth() {} }
    },
    { presets: {}, plugins: {} },
  )
  const location = { href: `${url}/docs#/Chat` }
  const document = { createElement: () => ({ href: '' }) }
  const window: { onload?: () => void; location: object } = { location }
  runInNewContext(script, {
    window,
    document,
    location,
    fetch,
    SwaggerUIBundle,
    SwaggerUIStandalonePreset: {},
  })
  window.onload?.()
  if (!config) throw new Error('the page makes no Swagger UI')
  return config
}

t.test(
  'in development a first click at /docs is answered: the demo user, their token, nothing else',
  async (t) => {
    const { url } = await testApp(t, { demoUser })
    const filled = parametersOf(await pageOf(url)).filter((parameter) => prefilled(parameter) !== undefined)
    t.same(
      filled.map((parameter) => [parameter.name, prefilled(parameter)]),
      [['user_id', 'demo'], ...endless],
      'no other parameter has a value before somebody types one',
    )
    t.same(
      parametersOf(await pageOf(url)).filter(({ schema }) => 'additionalProperties' in schema),
      [],
      'and none has properties that the page would make up',
    )
    const { requestInterceptor } = await configOf(url)
    const { headers } = await requestInterceptor({
      url: `${url}/api/demo/chat`,
      headers: { 'content-type': 'application/json' },
    })
    const init = { method: 'POST', headers, body: '{"message":"Hello"}' }
    t.equal((await fetch(`${url}/api/demo/chat`, init)).status, 200, 'the page sends the token')
    t.equal(
      (await fetch(`${url}/api/demo/conversations`, { headers })).status,
      200,
      'and lists work without a cursor',
    )
    const own = { headers: { Authorization: 'Bearer own' } }
    t.same(
      await requestInterceptor(own),
      { headers: { Authorization: 'Bearer own' } },
      'a token of one’s own goes first',
    )
    const spec = { loadSpec: true, headers: {} }
    t.same(await requestInterceptor(spec), { loadSpec: true, headers: {} }, 'the contract is read without')
  },
)

t.test(
  'the token is given to this machine only, and not by a name that a website made lead here',
  async (t) => {
    const { url } = await testApp(t, { demoUser })
    for (const host of ['evil.example', 'localhost.evil.example', '10.0.0.1:3000']) {
      const page = await pageOf(url, host)
      t.notOk(JSON.stringify(page).includes(demoUser.token), host)
    }
    t.equal((await pageOf(url, 'localhost:3000'))['x-development-token'], demoUser.token, 'localhost')
  },
)

t.test('without a demo user, as in production, nothing is filled in and no token is given', async (t) => {
  const { url } = await testApp(t)
  const page = await pageOf(url)
  t.same(
    parametersOf(page)
      .filter((parameter) => prefilled(parameter) !== undefined)
      .map((parameter) => [parameter.name, prefilled(parameter)]),
    endless,
    'every other parameter is empty',
  )
  t.notOk('x-development-token' in page, 'no token')
  const { requestInterceptor } = await configOf(url)
  t.same(await requestInterceptor({ headers: {} }), { headers: {} }, 'no Authorization')
})

t.test('the page links the guides beside it, wherever a proxy serves it', async (t) => {
  const { url } = await testApp(t)
  const { info } = await pageOf(url)
  const [, href = ''] = /^\[Guides[^\]]*\]\(([^)]+)\)/.exec(info.description) ?? []
  const { url: shown, redirected } = await fetch(`${url}/docs/`)
  t.same([shown, redirected], [`${url}/docs`, true], 'it has one address')
  t.equal(
    new URL(href, 'https://proxy.example/chat/docs').href,
    'https://proxy.example/chat/docs/guides',
    href,
  )
  t.equal((await fetch(new URL(href, shown))).status, 200, 'the guides are there')
})

t.test('the published contract keeps its examples', async (t) => {
  const { url } = await testApp(t, { demoUser })
  const contract = await (await fetch(`${url}/openapi.json`)).text()
  t.match(
    JSON.parse(contract).components.parameters.LimitParameter,
    { example: 20, schema: { default: 20 } },
    'limit',
  )
  t.notOk(contract.includes(demoUser.token), 'and has no token')
})
