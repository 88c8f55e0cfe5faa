import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { Json } from './app.js'
import { type CallContext, type McpServer, type McpServerOptions, mcpServer } from './mcp-server.js'
import type { Scope } from './scope.js'

export interface Todo {
  id: number
  title: string
  done: boolean
}

export interface TodoServer extends McpServer {
  /** the calls that it has run, in order */
  calls: { user: string; name: string; args: Json; key: unknown }[]
  tasks(user: string): Todo[]
}

export interface TodoServerOptions {
  /** where the keys are that verify tokens; a function when that is known only later */
  jwksUrl: string | (() => string)
  /** what tokens have to name; its own address unless told */
  audience?: string
  era?: McpServerOptions['era']
}

const id = { type: 'integer', minimum: 1 }
const title = { type: 'string', minLength: 1, maxLength: 200 }

const tool = (name: string, description: string, properties: Record<string, object>, readOnly = false) => ({
  name,
  description,
  inputSchema: {
    type: 'object' as const,
    properties,
    required: Object.keys(properties).filter((property) => property !== 'done'),
    additionalProperties: false,
  },
  annotations: { readOnlyHint: readOnly },
})

const tools = [
  tool('add_task', 'Adds a task to the list.', { title }),
  tool('list_tasks', 'Lists all tasks.', {}, true),
  tool('complete_task', 'Marks a task as done.', { id }),
  tool('delete_task', 'Removes a task.', { id }),
  tool('update_task', 'Changes the title of a task.', { id, title }),
]

/** One user's tasks. */
const createList = () => {
  const tasks: Todo[] = []
  const added = new Map<unknown, Todo>()
  let lastId = 0
  const find = (id: number): Todo => {
    const task = tasks.find((task) => task.id === id)
    if (!task) throw new Error(`There is no task ${id}.`)
    return task
  }
  const run: Record<string, (args: Json, key: unknown) => object> = {
    add_task({ title }, key) {
      // The same call, made again by a turn that was tried again.
      const task = added.get(key) ?? { id: ++lastId, title, done: false }
      if (!tasks.includes(task) && !added.has(key)) tasks.push(task)
      if (key !== undefined) added.set(key, task)
      return task
    },
    list_tasks: () => ({ tasks }),
    complete_task: ({ id }) => Object.assign(find(id), { done: true }),
    delete_task({ id }) {
      tasks.splice(tasks.indexOf(find(id)), 1)
      return { deleted: id }
    },
    update_task: ({ id, title }) => Object.assign(find(id), { title }),
  }
  return { tasks, run }
}

/** A to-do list as a tool server: whose tasks a call is about, it knows from the verified token alone. */
export const todoServer = async (
  t: Scope,
  { jwksUrl, audience, era }: TodoServerOptions,
): Promise<TodoServer> => {
  const lists = new Map<string, ReturnType<typeof createList>>()
  const listOf = (user: string) => {
    const list = lists.get(user) ?? createList()
    lists.set(user, list)
    return list
  }
  const calls: TodoServer['calls'] = []
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined
  let url = ''

  const userOf: McpServerOptions['userOf'] = async ({ authorization = '' }) => {
    keys ??= createRemoteJWKSet(new URL(typeof jwksUrl === 'string' ? jwksUrl : jwksUrl()), {
      cooldownDuration: 0,
    })
    const [scheme, token = ''] = authorization.split(' ')
    if (scheme !== 'Bearer') return undefined
    const verified = await jwtVerify(token, keys, {
      issuer: 'colloquy',
      audience: audience ?? url,
      algorithms: ['EdDSA'],
      requiredClaims: ['sub', 'iat', 'exp', 'jti'],
    }).catch(() => undefined)
    return verified?.payload.sub
  }
  const call = (name: string, args: Json, { user, meta }: CallContext) => {
    const key = meta['colloquy/idempotency_key']
    calls.push({ user, name, args, key })
    try {
      const result = listOf(user).run[name]?.(args, key) ?? {}
      return {
        content: [{ type: 'text' as const, text: JSON.stringify(result) }],
        structuredContent: { ...result },
      }
    } catch (error) {
      return { content: [{ type: 'text' as const, text: (error as Error).message }], isError: true }
    }
  }
  const server = await mcpServer(t, { tools, call, userOf, ...(era && { era }) })
  url = server.url
  return { ...server, calls, tasks: (user) => listOf(user).tasks }
}
