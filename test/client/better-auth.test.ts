import { randomUUID } from 'node:crypto'
import { createAuthClient } from 'better-auth/client'
import { jwtClient } from 'better-auth/client/plugins'
import t, { type Test } from 'tap'
import { ColloquyError, createBetterAuthToken, createClient } from '../../src/client/index.js'
import { createKeySet } from '../../src/http/key-set.js'
import { testApp } from '../helpers/app.js'
import { type BetterAuth, betterAuth } from '../helpers/better-auth.js'
import { until } from '../helpers/models.js'

const log = { warn: () => {} }

/** A page of the app that Better Auth serves: its client, with the cookies that a browser would keep. */
const pageOf = ({ url }: BetterAuth) => {
  const cookies = new Map<string, string>()
  let tokens = 0
  const customFetchImpl: typeof fetch = async (input, init) => {
    if (String(input).endsWith('/token')) tokens += 1
    const headers = new Headers(init?.headers)
    headers.set('origin', url)
    headers.set('cookie', [...cookies].map((pair) => pair.join('=')).join('; '))
    const response = await fetch(input, { ...init, headers })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }
  const authClient = createAuthClient({
    baseURL: url,
    plugins: [jwtClient()],
    fetchOptions: { customFetchImpl },
  })
  return { authClient, tokens: () => tokens }
}

/** Signs up, signs out and logs in; gives the user's id. */
const logIn = async ({ authClient }: ReturnType<typeof pageOf>): Promise<string> => {
  const login = { email: `${randomUUID()}@example.com`, password: randomUUID() }
  await authClient.signUp.email({ ...login, name: 'Ann Example' })
  await authClient.signOut()
  const { data, error } = await authClient.signIn.email(login)
  if (!data) throw new Error(`Better Auth refuses the login: ${error.message}`)
  // Its client tells of a login some milliseconds later.
  await new Promise((resolve) => setTimeout(resolve, 50))
  return data.user.id
}

/** Each with a function that changes the keys, and gives the URL of an instance that knows the new ones. */
const kinds: Record<
  string,
  (t: Test) => Promise<{ server: BetterAuth; url: string; rotate: () => Promise<string> }>
> = {
  'published keys': async (t) => {
    const server = await betterAuth(t)
    const start = (databaseUrl?: string) => {
      const keys = createKeySet({ url: server.jwksUrl, log })
      const published = { keys, issuer: server.url, audience: server.url }
      return testApp(t, { auth: { published }, ...(databaseUrl && { databaseUrl }) })
    }
    const { url, databaseUrl } = await start()
    const rotate = async () => {
      server.rotate('dropped')
      return (await start(databaseUrl)).url
    }
    return { server, url, rotate }
  },
  'a shared secret': async (t) => {
    let secret = randomUUID()
    const server = await betterAuth(t, { secret: () => secret })
    const { url, databaseUrl } = await testApp(t, { auth: { shared: { secret } } })
    const rotate = async () => {
      secret = randomUUID()
      return (await testApp(t, { databaseUrl, auth: { shared: { secret } } })).url
    }
    return { server, url, rotate }
  },
}

const rejected = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => error,
  )

for (const [kind, start] of Object.entries(kinds)) {
  t.test(`a user of Better Auth signs up, logs in, chats, and signs out, with ${kind}`, async (t) => {
    const { server, url, rotate } = await start(t)
    const page = pageOf(server)
    const userId = await logIn(page)
    const token = createBetterAuthToken(page.authClient)
    const client = createClient({ url, userId, token })
    const [{ conversation_id }] = await Promise.all([
      client.createTurn({ message: 'Hello' }),
      client.listModels(),
      client.listConversations(),
    ])
    t.equal(page.tokens(), 1, 'three requests at once ask for one token')
    let text = ''
    for await (const event of client.streamNewTurn({ conversation_id, message: 'And then?' })) {
      if (event.type === 'text-delta') text += event.delta
    }
    t.equal(text, 'Echo: And then?', 'the answer is streamed')
    t.equal(page.tokens(), 1, 'the token is kept')

    const rotated = createClient({ url: await rotate(), userId, token })
    t.equal(
      (await rotated.getConversation({ conversation_id })).message_count,
      4,
      'when the keys are rotated, nobody notices',
    )
    t.equal(page.tokens(), 2, 'because the token was renewed')

    await page.authClient.signOut()
    const begun = performance.now()
    const isSignedOut = (error: unknown) => error instanceof ColloquyError && error.code === 'signed-out'
    await until(async () => isSignedOut(await rejected(rotated.listModels())))
    t.ok(performance.now() - begun < 5_000, 'who has signed out is told so at once')
    const stranger = await rejected(rotated.streamNewTurn({ message: 'hi' }).next())
    t.match(stranger, { name: 'ColloquyError', code: 'signed-out', status: 0 }, 'in a stream, too')
    await server.close()
    t.match(
      await rejected(rotated.listModels()),
      { code: 'no-token', message: /token/ },
      'a login that cannot be reached is another error',
    )
  })
}

/** A token as Better Auth makes it, for so many seconds, by a clock that is an hour wrong. */
const tokenFor = (seconds: number, name: string): string => {
  const iat = Math.floor(Date.now() / 1000) - 3600
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ iat, exp: iat + seconds, name })}.`
}

t.test('a token is kept until shortly before its end, and asked for once', async (t) => {
  let asked = 0
  const listeners: (() => void)[] = []
  const tokenOf = (seconds: number | undefined) =>
    createBetterAuthToken({
      $store: { listen: (_, listener) => listeners.push(listener) },
      async token() {
        asked += 1
        const name = `ünder ${asked}`
        await new Promise((resolve) => setTimeout(resolve, 20))
        return {
          data: { token: seconds === undefined ? name : tokenFor(seconds, name) },
          error: null,
        }
      },
    })
  const kept = tokenOf(900)
  const first = await Promise.all([kept(), kept(), kept()])
  t.same([new Set(first).size, asked], [1, 1], 'one request for all who wait')
  t.equal(await kept(), first[0], 'it is kept, whatever the time is here')
  t.not(await kept({ refresh: true }), first[0], 'a refused one is not given again')
  t.equal(asked, 2, 'but renewed')
  const before = kept({ refresh: true })
  for (const listener of listeners) listener()
  t.not(await kept(), await before, 'after a sign-in or a sign-out, what was asked for before does not count')

  const short = tokenOf(1)
  asked = 0
  await short()
  await short()
  t.equal(asked, 1, 'a short one is kept')
  await new Promise((resolve) => setTimeout(resolve, 850))
  await short()
  t.equal(asked, 2, 'and renewed before its end')
  const opaque = tokenOf(undefined)
  asked = 0
  await opaque()
  await opaque()
  t.equal(asked, 2, 'one that does not say when it ends is not kept')
})
