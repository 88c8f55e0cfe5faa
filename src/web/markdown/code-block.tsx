import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { copyText } from '../copy-text.js'
import { highlight } from './highlight.js'

/** How long the button says what it has done. */
const TOLD_MS = 2_000
/** An open block is coloured again when it has grown by this part, so that all of it together is coloured ten times at most. */
const GROWTH = 1.1

export interface CodeBlockProps {
  code: string
  /** the first word after the fence; empty when there is none */
  language: string
  /** whether more of it may come */
  isOpen: boolean
}

/** How much of the code is coloured: all of a complete block, the whole lines of an open one. */
const useColoured = (code: string, isOpen: boolean): string => {
  const length = useRef(0)
  if (!isOpen) length.current = code.length
  else if (code.length < length.current || code.length > length.current * GROWTH) {
    length.current = code.lastIndexOf('\n') + 1
  }
  return code.slice(0, length.current)
}

const CopyButton = ({ text }: { text: string }) => {
  const [told, setTold] = useState('')
  useEffect(() => {
    const timer = told ? setTimeout(() => setTold(''), TOLD_MS) : undefined
    return () => clearTimeout(timer)
  }, [told])
  const onClick = async () => setTold((await copyText(text)) ? 'Copied' : 'It could not be copied')
  return (
    <button type="button" class="markdown-copy" onClick={onClick} aria-live="polite">
      {told || 'Copy'}
    </button>
  )
}

const Coloured = ({ code, language }: Pick<CodeBlockProps, 'code' | 'language'>) => {
  const pieces = highlight(code, language)
  if (!pieces) return <>{code}</>
  const elements = pieces.map(({ at, text, kind }) =>
    kind ? (
      <span key={at} class={`markdown-${kind}`}>
        {text}
      </span>
    ) : (
      text
    ),
  )
  return <>{elements}</>
}

/** Code with its language, its colours, and a button that copies it as it was written. */
export const CodeBlock = ({ code, language, isOpen }: CodeBlockProps) => {
  const coloured = useColoured(code, isOpen)
  // One child, so that a piece of an answer that is added at the end leaves all of it as it is.
  const pieces = useMemo(() => <Coloured code={coloured} language={language} />, [coloured, language])
  return (
    <figure class="markdown-code">
      <figcaption>
        <span>{language || 'text'}</span>
        <CopyButton text={code} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled with the keyboard */}
      <pre tabIndex={0} dir="ltr">
        <code>
          {pieces}
          {code.slice(coloured.length)}
        </code>
      </pre>
    </figure>
  )
}
