import { useChat } from '../../chat/chat.js'
import { type Session, switchUser } from '../../session/session.js'
import { useDialogs } from '../dialogs/dialogs.js'
import { Icon } from '../parts/icon.js'
import { IconButton } from '../parts/icon-button.js'
import { useTheme } from '../theme.js'

/** Who is signed in, and what is theirs. */
export const Account = ({ session }: { session: Session }) => {
  const chat = useChat()
  const openDialog = useDialogs()
  const [theme, toggleTheme] = useTheme()
  const { userId = '', demoUsers } = session
  return (
    <footer class="account">
      <div class="account-user">
        <Icon name="user" />
        {demoUsers.length > 1 ? (
          <select
            aria-label="Demo user"
            value={userId}
            onChange={(event) => switchUser(event.currentTarget.value)}
          >
            {demoUsers.map((id) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        ) : (
          <bdi>{userId}</bdi>
        )}
      </div>
      <IconButton icon="chart" label="Usage and cost" onClick={() => openDialog({ kind: 'usage' })} />
      <IconButton icon="download" label="Export everything" onClick={() => void chat.exportAll()} />
      <IconButton
        icon={theme === 'dark' ? 'sun' : 'moon'}
        label={theme === 'dark' ? 'Light theme' : 'Dark theme'}
        onClick={toggleTheme}
      />
      <IconButton icon="keyboard" label="Keyboard" onClick={() => openDialog({ kind: 'shortcuts' })} />
    </footer>
  )
}
