import type { VNode } from 'preact'
import { useEffect, useMemo, useReducer, useRef } from 'preact/hooks'
import { Block } from './blocks.js'
import { createDocument, type Block as Part } from './document.js'

/** Parsing faster than this is done for every piece of an answer; what takes longer is repeated only after four times as long. */
const FAST_MS = 4
const PAUSE = 4

export interface MarkdownProps {
  text: string
  /** whether more may come: then what is not complete yet is shown as what it is about to be */
  isStreaming?: boolean
}

/** The blocks of the text, or, if parsing it is slow and more is coming, those of a moment ago. */
const useBlocks = (text: string, isStreaming: boolean): readonly Part[] => {
  const document = useMemo(createDocument, [])
  const [, render] = useReducer((count: number) => count + 1, 0)
  const shown = useRef<{ text?: string; isStreaming?: boolean; blocks: readonly Part[]; notBefore: number }>({
    blocks: [],
    notBefore: 0,
  })
  const { current } = shown
  const now = performance.now()
  const isNew = current.text !== text || current.isStreaming !== isStreaming
  const isDue = !isStreaming || now >= current.notBefore
  if (isNew && isDue) {
    current.blocks = document.update(text, isStreaming)
    const took = performance.now() - now
    Object.assign(current, { text, isStreaming, notBefore: took > FAST_MS ? now + took * (1 + PAUSE) : 0 })
  }
  useEffect(() => {
    if (!isNew || isDue) return
    const timer = setTimeout(render, current.notBefore - now, undefined)
    return () => clearTimeout(timer)
  })
  return current.blocks
}

/**
 * Markdown as elements: no HTML is made or read at any time, so that what a text has of it is shown as text. Blocks that are
 * final are neither parsed nor compared again.
 */
export const Markdown = ({ text, isStreaming = false }: MarkdownProps) => {
  const blocks = useBlocks(text, isStreaming)
  const rendered = useRef(new WeakMap<Part, VNode>())
  const elementOf = (block: Part): VNode => {
    const known = rendered.current.get(block)
    if (known) return known
    const element = <Block key={block.start} token={block.token} isOpen={block.isOpen} />
    rendered.current.set(block, element)
    return element
  }
  return <div class="markdown">{blocks.map(elementOf)}</div>
}
