import { Icon, type IconName } from './icon.js'

interface Props {
  id?: string
  icon: IconName
  label: string
  onClick: (event: MouseEvent) => void
  /** for a switch: whether it is on */
  isPressed?: boolean
  isDisabled?: boolean
  class?: string
}

export const IconButton = ({ id, icon, label, onClick, isPressed, isDisabled, class: name = '' }: Props) => (
  <button
    type="button"
    id={id}
    class={`icon-button ${name}`}
    aria-label={label}
    title={label}
    aria-pressed={isPressed}
    disabled={isDisabled}
    onClick={onClick}
  >
    <Icon name={icon} />
  </button>
)
