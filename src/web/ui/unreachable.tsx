/** Instead of the chat, when not even the session could be asked for. */
export const Unreachable = () => (
  <main class="signed-out">
    <h1>Colloquy</h1>
    <p role="alert">The server cannot be reached.</p>
    <button type="button" class="button button-primary" onClick={() => location.reload()}>
      Try again
    </button>
  </main>
)
