import { type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import type { Page } from 'playwright-core'
import t from 'tap'
import { betterAuth } from '../helpers/better-auth.js'
import { openInBrowser } from '../helpers/browser.js'
import { testDatabase } from '../helpers/database.js'
import { startServer } from '../helpers/server.js'

/** The app's sign-in page. Whoever has no account yet gets one; then it leads back. */
const signInPage = `<!doctype html><title>The app</title><link rel=icon href="data:,">
<form><input name=email aria-label=Email><input name=password type=password aria-label=Password><button>Sign in</button></form>
<script>
document.forms[0].onsubmit = async (event) => {
  event.preventDefault()
  const login = Object.fromEntries(new FormData(event.target))
  const post = (path, body) => fetch('/api/auth' + path, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  })
  await post('/sign-up/email', { ...login, name: 'Ann Example' })
  await post('/sign-in/email', login)
  location = new URLSearchParams(location.search).get('back')
}
</script>`

/** The app's reverse proxy: the chat page is below /chat/. */
const proxyTo = (target: string, { method, headers, url = '' }: IncomingMessage, response: ServerResponse) =>
  send(`${target}${url.slice('/chat'.length)}`, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })

t.test('in production: somebody signs in to the app, and chats', async (t) => {
  let chatUrl = ''
  let isCorsOn = true
  const app = await betterAuth(t, {
    lifetime: '4s',
    serve(request, response) {
      const { url = '' } = request
      if (url.startsWith('/chat/')) request.pipe(proxyTo(chatUrl, request, response))
      else if (url.startsWith('/sign-in?')) response.setHeader('content-type', 'text/html').end(signInPage)
      else {
        if (isCorsOn && url === '/api/auth/token')
          response
            .setHeader('access-control-allow-origin', chatUrl)
            .setHeader('access-control-allow-credentials', 'true')
        return false
      }
      return true
    },
  })
  const { url: DATABASE_URL } = await testDatabase(t)
  const port = new URL(app.url).port
  const server = await startServer(t, {
    env: {
      NODE_ENV: 'production',
      DATABASE_URL,
      BETTER_AUTH_URL: app.url,
      CHAT_PAGE: 'on',
      CHAT_PAGE_SIGN_IN: `http://127.0.0.1:${port}/sign-in?back=/chat/`,
    },
  })
  chatUrl = server.url
  const { page, context, faults } = await openInBrowser(t, `${chatUrl}/`)
  const field = (on = page) => on.getByLabel('Your message')
  const signIn = async (email: string, back: string, on: Page = page) => {
    await on.goto(`${app.url}/sign-in?back=${encodeURIComponent(back)}`)
    await on.getByLabel('Email').fill(`${email}@example.com`)
    await on.getByLabel('Password').fill('correct horse battery staple')
    await on.getByRole('button', { name: 'Sign in' }).click()
    await field(on).waitFor()
  }

  await t.test('who is signed out is led to the app’s sign-in, and back', async (t) => {
    await page.getByRole('alert').getByText('You are signed out.').waitFor()
    await page.getByRole('link', { name: 'Sign in' }).click()
    t.equal(page.url(), `${app.url}/sign-in?back=/chat/`, 'CHAT_PAGE_SIGN_IN is where the link leads')
    await signIn('ann', `${chatUrl}/`)
    await field().fill('Hello from the app')
    await field().press('Enter')
    await page.locator('.answer', { hasText: 'Echo: Hello from the app' }).waitFor()
    t.equal(await page.getByLabel('Demo user').count(), 0, 'there are no demo users')
  })

  await t.test('the page may ask its server and the app, and nobody else', async (t) => {
    const policy = (await fetch(`${chatUrl}/`)).headers.get('content-security-policy') ?? ''
    t.match(policy, `connect-src 'self' ${app.url};`, 'the app’s origin is named, and no other')
    const blocked = await page.evaluate(`new Promise((resolve) => {
      addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => resolve([effectiveDirective, blockedURI]))
      fetch('http://127.0.0.1:9/').catch(() => {})
    })`)
    t.match(blocked, ['connect-src', 'http://127.0.0.1:9'], 'another port is another origin')
    const policyOfInline = await page.evaluate(`new Promise((resolve) => {
      addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective), { once: true })
      try { document.body.innerHTML = '<img src=x>' } catch { resolve('trusted-types') }
    })`)
    t.match(policyOfInline, /trusted-types/, 'no text becomes markup')
  })

  await t.test('the page is served below the app’s own origin as well', async () => {
    const own = await context.newPage()
    await own.goto(`${app.url}/chat/`)
    await own.locator('.row-title').getByText('Hello from the app').waitFor()
    await field(own).fill('By the proxy')
    await field(own).press('Enter')
    await own.locator('.answer', { hasText: 'Echo: By the proxy' }).waitFor()
    await page.locator('.row-title').getByText('By the proxy').waitFor()
    await own.close()
  })

  await t.test('a session that ends takes nothing that was written with it', async (t) => {
    await field().fill('Not sent yet')
    await context.clearCookies()
    await page.getByRole('alert').getByText('You are signed out.').waitFor()
    t.equal(await page.locator('.answer').count(), 0, 'the conversation is no longer shown')
    const { href } = new URL(page.url())
    await signIn('ann', href)
    await page.locator('.answer', { hasText: 'Echo: Hello from the app' }).waitFor()
    t.equal(await field().inputValue(), 'Not sent yet', 'after the sign-in it is there')
  })

  await t.test('another user who signs in, in another tab, gets a page of their own', async (t) => {
    const other = await context.newPage()
    await signIn('bob', `${chatUrl}/`, other)
    await page.getByText('This conversation does not exist').waitFor()
    t.equal(await page.locator('.answer').count(), 0, 'nothing of the first is shown')
    t.equal(await field().inputValue(), '', 'nor what they had written')
    await other.close()
  })

  await t.test('an app that does not answer has signed nobody out', async (t) => {
    isCorsOn = false
    await page.locator('.failure-offline').waitFor()
    t.equal(await page.getByText('You are signed out.').count(), 0, 'the page waits')
    isCorsOn = true
    await page.locator('.failure-offline').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'New chat' }).click()
    await page.getByText('What can I help with?').waitFor()
    await field().fill('Still here')
    await field().press('Enter')
    await page.locator('.answer', { hasText: 'Echo: Still here' }).waitFor()
    await app.close()
    await page.reload()
    await page.getByRole('alert').getByText('The server cannot be reached.').waitFor()
  })

  const expected = /Failed to load resource|Content Security Policy|TrustedHTML|CORS policy/
  t.same(
    faults().filter((fault) => !expected.test(fault)),
    [],
    'nothing failed that was not meant to, and nothing left this machine',
  )
})
