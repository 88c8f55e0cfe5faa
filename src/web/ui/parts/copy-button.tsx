import { useEffect, useState } from 'preact/hooks'
import { copyText } from '../../copy-text.js'
import { IconButton } from './icon-button.js'

const SHOWN_MS = 1_500

/** Copies a text, and shows for a moment that it has. */
export const CopyButton = ({ label, text }: { label: string; text: () => string }) => {
  const [isCopied, setCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return
    const timer = setTimeout(() => setCopied(false), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [isCopied])
  return (
    <IconButton
      icon={isCopied ? 'check' : 'copy'}
      label={isCopied ? 'Copied' : label}
      onClick={() => void copyText(text()).then(setCopied)}
    />
  )
}
