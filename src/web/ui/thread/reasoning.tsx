import { Icon } from '../parts/icon.js'

/** What the model has thought; open while it thinks. */
export const Reasoning = ({ text, isOpen }: { text: string; isOpen: boolean }) => (
  <details class="fold reasoning" open={isOpen}>
    <summary>
      <Icon name="thought" />
      {isOpen ? 'Thinking …' : 'Thoughts'}
    </summary>
    <p class="reasoning-text" dir="auto">
      {text}
    </p>
  </details>
)
