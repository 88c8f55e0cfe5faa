import { stripVTControlCharacters, styleText } from 'node:util'

/** Shows a person what is under way, in the last line of a terminal. */
export interface Progress {
  /** whether somebody sees it: what is not a terminal is left alone */
  isLive: boolean
  /** What is under way from now on. What was before is done. */
  begin(text: string): void
  /** Changes the text of what is under way, which the next frame shows: it may be called as often as there is news. */
  update(text: string): void
  /** What is under way is done; its line stays, with the time that it took. */
  done(): void
  /** What is under way has failed; its line stays. Without effect when nothing is. */
  fail(): void
  /** Removes the line of what is under way. */
  clear(): void
  /** The same, and shows nothing from then on: the process is about to end. */
  stop(): void
  /** Prints something else, by a function that does so, and shows what is under way below it. */
  above(print: () => void): void
}

type Output = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & NodeJS.WritableStream

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const frameMs = 80
const clearLine = '\r\x1b[K'

const oneLine = (text: string): string => stripVTControlCharacters(text).replace(/\s+/g, ' ')

/** It listens to no signal and hides no cursor: a program that is ended leaves nothing to put back. */
export const createProgress = (output: Output = process.stderr): Progress => {
  // Read here as node reads NO_COLOR: it is about the terminal, not about Colloquy.
  const isLive = output.isTTY === true && process.env.TERM !== 'dumb'
  let current: { text: string; since: number } | undefined
  let frame = 0
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    styleText(format, text, { stream: output })
  const draw = (): void => {
    if (!current) return
    const width = (output.columns || 80) - 3
    const shown = `${oneLine(current.text)} ${seconds(current.since)}`.slice(0, width)
    output.write(`${clearLine}${style('cyan', frames[frame % frames.length] ?? '')} ${shown}`)
    frame += 1
  }
  const clear = (): void => {
    clearInterval(timer)
    timer = undefined
    if (current) output.write(clearLine)
    current = undefined
  }
  const end = (mark: string): void => {
    if (!current) return
    const { text, since } = current
    clear()
    output.write(`${mark} ${oneLine(text)} ${style('dim', seconds(since))}\n`)
  }
  const done = (): void => end(style('green', '✓'))
  if (!isLive) {
    const nothing = () => {}
    const above = (print: () => void) => print()
    return {
      isLive,
      begin: nothing,
      update: nothing,
      done: nothing,
      fail: nothing,
      clear: nothing,
      stop: nothing,
      above,
    }
  }
  return {
    isLive,
    begin(text) {
      if (isStopped) return
      done()
      current = { text, since: performance.now() }
      draw()
      timer = setInterval(draw, frameMs)
      timer.unref()
    },
    update(text) {
      if (current) current.text = text
    },
    done,
    fail: () => end(style('red', '✗')),
    clear,
    stop() {
      isStopped = true
      clear()
    },
    above(print) {
      if (current) output.write(clearLine)
      print()
      draw()
    },
  }
}
