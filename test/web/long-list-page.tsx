/** A page that has nothing but a long list of messages of different heights, which the test in the browser drives. */
import { render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { LongList, type LongListHandle } from '../../src/web/long-list/long-list.js'

interface Item {
  id: number
  text: string
}

const words = 'some words of a message that may take more than one line when there are enough of them '

const item = (id: number): Item => ({ id, text: `${id}: ${words.repeat(1 + Math.abs((id * 7919) % 13))}` })
const keyOf = ({ id }: Item) => `m${id}`
const renderItem = ({ text }: Item) => (
  <div>
    <p>{text}</p>
    <button type="button">Copy</button>
  </div>
)

const Page = () => {
  const [items, setItems] = useState(() => Array.from({ length: 10_000 }, (_, i) => item(i)))
  const [isAtEnd, setIsAtEnd] = useState(true)
  const asked = useRef(0)
  const handle = useRef<LongListHandle>(null)
  useEffect(() => {
    Object.assign(window, {
      asked: () => asked.current,
      isAtEnd: () => isAtEnd,
      goTo: (id: number) => handle.current?.scrollTo(`m${id}`, { focus: true }),
      goToEnd: () => handle.current?.scrollToEnd(),
      addOlder: (count: number) =>
        setItems((old) => [
          ...Array.from({ length: count }, (_, i) => item((old[0]?.id ?? 0) - count + i)),
          ...old,
        ]),
      addNewer: () => setItems((old) => [...old, item((old.at(-1)?.id ?? 0) + 1)]),
      growLast: () =>
        setItems((old) =>
          old.map((one, i) => (i === old.length - 1 ? { ...one, text: one.text + words } : one)),
        ),
    })
  })
  return (
    <LongList
      items={items}
      keyOf={keyOf}
      renderItem={renderItem}
      labelOf={({ id }) => `Message ${id}`}
      label="Messages"
      total={20_000}
      firstPosition={10_001 + (items[0]?.id ?? 0)}
      onNearTop={() => {
        asked.current += 1
      }}
      onAtEndChange={setIsAtEnd}
      handle={handle}
    />
  )
}

render(<Page />, document.body)
