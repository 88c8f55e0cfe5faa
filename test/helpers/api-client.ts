import { type Json, tokenOf } from './app.js'
import { within } from './wait.js'

export type { Json }

interface Answered {
  status: number
  headers: Headers
  body: Json
}

/** Calls a server by its address, as whichever user. */
export const createClient = (url: string) => {
  const request = async (user: string, method: string, path: string, body?: object, headers = {}) => {
    const answer = fetch(`${url}/api/${user}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${tokenOf(user)}`,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const what = `the answer to ${method} ${path}`
    const response = await within(what, answer)
    return {
      status: response.status,
      headers: response.headers,
      body: await within(`the rest of ${what}`, response.json()),
    } as Answered
  }
  return {
    send: (user: string, body: object, headers = {}) => request(user, 'POST', '/chat', body, headers),
    call: async (user: string, method: string, path: string): Promise<Json> =>
      (await request(user, method, path)).body,
    async chat(user: string, message: string, conversation_id?: string): Promise<Json> {
      const { status, body } = await request(user, 'POST', '/chat', { message, conversation_id })
      if (status !== 200) throw new Error(`chat answered ${status}: ${JSON.stringify(body)}`)
      return body
    },
  }
}
