interface Props {
  signInUrl: string | undefined
}

/** Instead of the chat, while nobody is signed in. */
export const SignedOut = ({ signInUrl }: Props) => (
  <main class="signed-out">
    <h1>Colloquy</h1>
    <p role="alert">You are signed out.</p>
    {signInUrl === undefined ? (
      <p>In development only a browser on the server’s own machine is signed in, at its address 127.0.0.1.</p>
    ) : (
      <a class="button button-primary" href={signInUrl}>
        Sign in
      </a>
    )}
    <button type="button" class="button" onClick={() => location.reload()}>
      Try again
    </button>
  </main>
)
