import { useId, useRef, useState } from 'preact/hooks'
import { Icon, type IconName } from './icon.js'

export interface MenuItem {
  icon: IconName
  label: string
  isDangerous?: boolean
  onSelect: () => void
}

interface Props {
  label: string
  items: readonly MenuItem[]
}

const MARGIN = 8

/** Puts the menu below its button, or above it where there is no room. */
const place = (menu: HTMLElement, button: HTMLElement): void => {
  const { left, right, top, bottom } = button.getBoundingClientRect()
  const { offsetWidth: width, offsetHeight: height } = menu
  const x = left + width + MARGIN > innerWidth ? right - width : left
  const y = bottom + height + MARGIN > innerHeight ? top - height : bottom
  menu.style.left = `${Math.max(MARGIN, x)}px`
  menu.style.top = `${Math.max(MARGIN, y)}px`
}

/** A button with a menu (the menu button of the ARIA Authoring Practices). The browser closes it by Escape or a click elsewhere. */
export const Menu = ({ label, items }: Props) => {
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const menu = useRef<HTMLDivElement>(null)
  const [isOpen, setOpen] = useState(false)

  const choices = () => [...(menu.current?.querySelectorAll('button') ?? [])]
  const focus = (index: number) =>
    choices()
      .at(index % items.length)
      ?.focus()
  const onClick = () => {
    if (!menu.current?.togglePopover() || !button.current) return
    place(menu.current, button.current)
    focus(0)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const at = choices().indexOf(document.activeElement as HTMLButtonElement)
    const keys: Record<string, () => void> = {
      ArrowDown: () => focus(at + 1),
      ArrowUp: () => focus(at - 1),
      Home: () => focus(0),
      End: () => focus(-1),
      Tab: () => menu.current?.hidePopover(),
    }
    const act = keys[event.key]
    if (!act) return
    if (event.key !== 'Tab') event.preventDefault()
    act()
  }

  return (
    <>
      <button
        ref={button}
        type="button"
        class="icon-button"
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={onClick}
      >
        <Icon name="more" />
      </button>
      <div
        ref={menu}
        id={id}
        class="menu"
        role="menu"
        aria-label={label}
        popover="auto"
        onToggle={(event) => setOpen(event.newState === 'open')}
        onKeyDown={onKeyDown}
      >
        {items.map(({ icon, label, isDangerous, onSelect }) => (
          <button
            key={label}
            type="button"
            role="menuitem"
            tabIndex={-1}
            class={isDangerous ? 'menu-item dangerous' : 'menu-item'}
            onClick={() => {
              menu.current?.hidePopover()
              onSelect()
            }}
          >
            <Icon name={icon} />
            {label}
          </button>
        ))}
      </div>
    </>
  )
}
