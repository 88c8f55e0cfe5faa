import { createBetterAuthToken, createClient } from '@colloquy/client'
import { jwtClient } from 'better-auth/client/plugins'
import { createAuthClient } from 'better-auth/react'

const url = process.env.NEXT_PUBLIC_CHAT_URL
export const authClient = createAuthClient({ plugins: [jwtClient()] })
const token = createBetterAuthToken(authClient)
export const clientOf = (userId: string) => createClient({ url, userId, token })
