/** Copies a text, and returns whether it could. Pages without TLS have no clipboard, but may say what is copied when something is. */
export const copyText = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const give = (event: ClipboardEvent): void => {
      event.clipboardData?.setData('text/plain', text)
      event.preventDefault()
    }
    document.addEventListener('copy', give)
    const isCopied = document.execCommand('copy')
    document.removeEventListener('copy', give)
    return isCopied
  }
}
