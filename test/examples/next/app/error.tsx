'use client'

export default function ErrorPage({ error }: { error: Error }) {
  return (
    <main>
      <p role="alert">{error.message}</p>
      <a href="/sign-in">Sign in</a>
    </main>
  )
}
