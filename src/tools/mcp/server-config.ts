/** Restricts a server or a tool to users; without `users` it is available to everyone. */
export interface Access {
  disabled: boolean
  users: ReadonlySet<string> | undefined
}

interface BaseServer extends Access {
  name: string
  /** restrictions of tools, by the server's name for the tool */
  tools: ReadonlyMap<string, Access>
}

export interface StdioServer extends BaseServer {
  kind: 'stdio'
  command: string
  args: string[]
  env: Record<string, string>
  cwd: string | undefined
}

export interface HttpServer extends BaseServer {
  kind: 'http'
  url: string
  headers: Record<string, string>
  /** the `aud` claim of its user tokens */
  audience: string
}

export type ToolServer = StdioServer | HttpServer

/** Whether requests carry a user token. A configured Authorization header replaces it. */
export const sendsUserToken = (server: ToolServer): server is HttpServer =>
  server.kind === 'http' &&
  !server.disabled &&
  !Object.keys(server.headers).some((name) => name.toLowerCase() === 'authorization')

export const isAllowed = ({ disabled, users }: Access, userId: string): boolean =>
  !disabled && (users === undefined || users.has(userId))
