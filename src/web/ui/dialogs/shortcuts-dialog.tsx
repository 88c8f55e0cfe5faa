import { Dialog } from '../parts/dialog.js'
import { shortcuts } from '../shortcuts.js'

const fixed: [keys: string, what: string][] = [
  ['Enter', 'Send the message'],
  ['Shift + Enter', 'Begin a new line'],
  ['↑', 'Edit your last message, from an empty field'],
  ['Tab', 'Go to the next button, link or field'],
]

export const ShortcutsDialog = ({ onClose }: { onClose: () => void }) => (
  <Dialog title="Keyboard" onClose={onClose}>
    <dl class="shortcuts">
      {[...shortcuts.map(({ keys, what }) => [keys, what] as const), ...fixed].map(([keys, what]) => (
        <div key={keys} class="shortcut">
          <dt>
            <kbd>{keys}</kbd>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  </Dialog>
)
