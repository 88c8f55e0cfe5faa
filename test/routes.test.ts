import t from 'tap'
import { testApp } from './helpers/app.js'
import { contractOperations } from './helpers/contract.js'

/** Every `METHOD path` of fastify's tree of routes, which indents a path under its prefix by four characters. */
const flatten = (tree: string): string[] => {
  const prefixes: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', path = '', methods = ''] = /^([│├└─\s]*)(\S+) \((.*)\)$/.exec(line) ?? []
    if (!path) return []
    const depth = indent.length / 4
    prefixes[depth] = (prefixes[depth - 1] ?? '') + path
    return methods.split(', ').map((method) => `${method} ${prefixes[depth]}`)
  })
}

t.test('the routes are the contract’s operations and its documents, and no other', async (t) => {
  const { app } = await testApp(t)
  const served = flatten(app.printRoutes({ commonPrefix: false }))
  // What the reference page is made of lies under its own path.
  const routes = served.filter((route) => !/^(GET|HEAD) \/docs\//.test(route))
  const documents = ['/docs', '/openapi.json', '/openapi.yaml', '/postman.json', '/llms.txt'].flatMap(
    (path) => [`GET ${path}`, `HEAD ${path}`],
  )
  const operations = contractOperations.flatMap(({ method, path, responses }) => {
    const route = path.replace(/\{(\w+)\}/g, ':$1')
    const isJson = Object.keys(responses['200']?.content ?? {}).every((type) => type === 'application/json')
    return [`${method} ${route}`, ...(method === 'GET' && isJson ? [`HEAD ${route}`] : [])]
  })
  t.same(
    routes.sort(),
    [...operations, ...documents].sort(),
    'each GET has its HEAD, but the streams and the exports',
  )
})

t.test('the contract is published as it is', async (t) => {
  const { url } = await testApp(t)
  const json = await fetch(`${url}/openapi.json`)
  t.match(json.headers.get('content-type'), /^application\/json/)
  t.match(await json.json(), { openapi: '3.1.0', paths: { '/api/{user_id}/chat': { post: {} } } })
  const yaml = await fetch(`${url}/openapi.yaml`)
  t.match(await yaml.text(), /^openapi: 3\.1\.0/)
  const page = await fetch(`${url}/docs`)
  t.equal(page.status, 200)
  t.match(await page.text(), /swagger-ui/)
})
