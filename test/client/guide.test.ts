import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createClient } from '../../src/client/index.js'
import { packageRoot } from '../../src/root.js'
import { testApp, tokenOf } from '../helpers/app.js'
import { type Element, mount } from '../helpers/dom.js'
import { bundleOf, codeBlocks, folderWith, tsconfig } from '../helpers/guide.js'
import { gatedModel } from '../helpers/models.js'
import { soon } from '../helpers/page.js'

const root = fileURLToPath(packageRoot)
const path = 'src/client/README.md'
const [example = '', errors = '', betterAuth = ''] = await codeBlocks(path, 'ts')
const [chatView = '', chatPage = ''] = await codeBlocks(path, 'tsx')

const next = `
declare module 'next/link' {
  export default function Link(props: { href: string; children?: unknown }): JSX.Element
}
declare module 'next/navigation' {
  export function usePathname(): string
}
`

/** The AI SDK's own types take the transport and the stored messages, whatever its version. */
const types = `
import { Chat, useChat } from '@ai-sdk/react'
import type { ChatTransport, UIMessage, UIMessageChunk } from 'ai'
import { createChatTransport, createClient, toUIMessages } from '@colloquy/client'

const client = createClient({ userId: 'alice', token: 'token' })
const transport: ChatTransport<UIMessage> = createChatTransport({ client })
const messages: UIMessage[] = toUIMessages([])
new Chat({ transport: createChatTransport({ client }), messages: toUIMessages([]) })
new Chat<UIMessage<{ status?: string }>>({ transport: createChatTransport({ client }), messages: toUIMessages([]) })
const { sendMessage } = useChat({ transport: createChatTransport({ client }), messages })
void sendMessage({ text: 'hi' }, { body: { model: 'echo' } })
const stream: Promise<ReadableStream<UIMessageChunk> | null> = transport.reconnectToStream({ chatId: 'c' })
void stream
`

t.test('every block of the guide compiles in strict mode', async (t) => {
  const folder = await folderWith(t, {
    'example.ts': `declare const token: string\n${example}${errors}`,
    'chat-client.ts': betterAuth,
    'chat-view.tsx': chatView,
    'chat-page.tsx': chatPage,
    'types.ts': types,
    'next.d.ts': next.replace('JSX.Element', "import('react').ReactElement"),
    'tsconfig.json': JSON.stringify({ ...tsconfig, include: ['*'] }),
  })
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = await promisify(execFile)(process.execPath, [tsc], { cwd: folder }).catch(
    (error) => error,
  )
  t.equal(stdout, '', 'the compiler has nothing to say')
})

t.test('the example says what it should', async (t) => {
  const { url } = await testApp(t)
  const code = `${example}${errors}`
    .replace('http://127.0.0.1:3000', url)
    .replace("userId: 'demo'", "userId: 'alice'")
  t.not(code, `${example}${errors}`, 'it runs against this server')
  const folder = await folderWith(t, { 'example.ts': `const token = '${tokenOf('alice')}'\n${code}` })
  const { stdout } = await promisify(execFile)(process.execPath, [await bundleOf(folder, 'example.ts')])
  t.equal(
    stdout,
    'Echo: HelloEcho: And then?1 user Hello\n2 assistant Echo: Hello\n3 user And then?\n4 assistant Echo: And then?\n/body/title: too-short\n'.replace(
      'HelloEcho',
      'Hello\nEcho',
    ),
    'the answer, the stream, the list and the error',
  )
})

/** The guide's page in a browser, with the App Router's way of changing addresses. */
const openGuide = async (t: Test, { url }: { url: string }) => {
  const client = createClient({ url, userId: 'alice', token: () => tokenOf('alice') })
  Object.assign(globalThis, { testClient: client })
  const appRouter = join(root, 'test/helpers/app-router.ts')
  const folder = await folderWith(t, {
    'chat-view.tsx': chatView,
    'chat-page.tsx': chatPage,
    'chat-client.ts': 'export const clientOf = () => globalThis.testClient',
    'all.ts': `export { ChatPage } from './chat-page'\nexport { history, router } from '${appRouter}'`,
  })
  const alias = { 'next/navigation': appRouter, 'next/link': appRouter }
  const module = await import(pathToFileURL(await bundleOf(folder, 'all.ts', alias)).href)
  Object.assign(globalThis, { history: module.history })
  module.router.push('/chat')
  const view = await mount(module.ChatPage, { userId: 'alice' })
  t.teardown(view.unmount)
  const texts = (): string[] => view.all('p').map(({ textContent }: Element) => textContent ?? '')
  return {
    client,
    router: module.router as { push(url: string): void; pathname(): string },
    texts,
    link: () => view.click('a'),
    stop: () => view.click('button[type=button]'),
    async say(text: string) {
      await soon(() => view.all('input').length === 1)
      await view.type('input', text)
      await view.submit('form')
    },
    isReady: () => view.all('input').length === 1,
  }
}

t.test('the page of the guide begins, continues and leaves conversations', async (t) => {
  const app = await testApp(t)
  const { client, router, texts, say, link, isReady } = await openGuide(t, app)
  const conversations = async () => (await client.listConversations()).data
  const address = async () => {
    await soon(() => router.pathname() !== '/chat')
    return router.pathname()
  }

  await say('one')
  await soon(() => texts().length === 2)
  const first = await address()
  t.same(texts(), ['one', 'Echo: one'], 'a message is answered')
  t.equal(first, `/chat/${(await conversations())[0]?.id}`, 'the address has its conversation')
  await say('two')
  await soon(() => texts().length === 4)
  t.same(texts(), ['one', 'Echo: one', 'two', 'Echo: two'], 'the chat goes on under its address')

  await link()
  await soon(() => isReady() && texts().length === 0)
  t.same(texts(), [], 'the link to a new chat shows an empty one')
  await say('three')
  await soon(() => texts().length === 2)
  t.not(await address(), first, 'whose address is another')
  t.same(texts(), ['three', 'Echo: three'], 'and which is answered')
  const counts = async () => (await conversations()).map(({ message_count }) => message_count)
  // An answer's last text comes before its turn has ended.
  await soon(async () => (await counts())[0] === 2)
  t.same(await counts(), [2, 4], 'the message has begun a new conversation')
  router.push(first)
  await soon(() => texts().length === 4)
  t.same(texts(), ['one', 'Echo: one', 'two', 'Echo: two'], 'the old one can be opened again')
})

t.test('a page of the guide that is left does not end its turn, and stop does', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model })
  const { client, router, texts, say, link, isReady, stop } = await openGuide(t, app)
  await say('one')
  await soon(() => texts()[1] === 'so far: ' && router.pathname() !== '/chat')
  const first = router.pathname()
  await link()
  await soon(() => isReady() && texts().length === 0)
  t.same(texts(), [], 'another chat is shown')
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(gated.working(), 1, 'and the turn goes on')
  t.equal(router.pathname(), '/chat', 'without a word in the address')
  router.push(first)
  await soon(() => texts()[1] === 'so far: ')
  t.same(texts(), ['one', 'so far: '], 'whoever comes back sees it')
  await stop()
  await soon(() => gated.working() === 0)
  const conversation_id = first.split('/')[2] ?? ''
  const answer = async () => (await client.listMessages({ conversation_id })).data[1]
  await soon(async () => (await answer()) !== undefined)
  t.match(await answer(), { status: 'cancelled', content: 'so far: ' }, 'and may stop it')
})
