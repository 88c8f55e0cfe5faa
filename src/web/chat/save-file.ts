/** What file systems do not take in a name. */
const unfit = /[\p{C}\\/:*?"<>|]+/gu

/** Has the browser save a file. */
export const saveFile = (name: string, type: string, parts: string[]): void => {
  const url = URL.createObjectURL(new Blob(parts, { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name.replace(unfit, ' ').trim().slice(0, 100)
  link.click()
  setTimeout(() => URL.revokeObjectURL(url))
}
