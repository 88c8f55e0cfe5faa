'use client'
import { type FormEvent, useState } from 'react'
import { authClient } from '../chat/chat-client'

export default function SignInPage() {
  const [isNew, setIsNew] = useState(false)
  const [error, setError] = useState('')
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const [name, email, password] = ['name', 'email', 'password'].map((field) => String(form.get(field)))
    const answer = isNew
      ? await authClient.signUp.email({ name, email, password })
      : await authClient.signIn.email({ email, password })
    if (answer.error) setError(answer.error.message ?? 'That did not work.')
    else location.assign('/chat')
  }
  return (
    <main>
      <form onSubmit={submit}>
        <h1>{isNew ? 'Sign up' : 'Sign in'}</h1>
        {isNew && <input name="name" placeholder="Name" autoComplete="name" required />}
        <input name="email" placeholder="Email" type="email" autoComplete="email" required />
        <input name="password" placeholder="Password" type="password" minLength={8} required />
        {error && <p role="alert">{error}</p>}
        <button type="submit">{isNew ? 'Sign up' : 'Sign in'}</button>
        <button type="button" onClick={() => setIsNew(!isNew)}>
          {isNew ? 'I have an account' : 'I am new here'}
        </button>
      </form>
    </main>
  )
}
