'use client'
import { authClient } from './chat-client'

export function SignOut() {
  const signOut = async () => {
    await authClient.signOut()
    location.assign('/sign-in') // loads the page anew, which forgets what it has of this user
  }
  return (
    <button type="button" onClick={signOut}>
      Sign out
    </button>
  )
}
