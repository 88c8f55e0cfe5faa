import { currentAssistant } from '../../store/select.js'
import { isDraft } from '../../store/state.js'
import { useSelector, useStore } from '../../store/store.js'

/** Who answers in a new conversation. */
const AssistantChoice = () => {
  const { dispatch } = useStore()
  const assistants = useSelector((state) => state.assistants)
  const chosen = useSelector((state) => currentAssistant(state)?.name)
  if (assistants.length === 0) return null
  const choose = (name: string) => dispatch({ type: 'assistant-chosen', assistant: name || undefined })
  return (
    <select
      aria-label="Assistant"
      value={chosen ?? ''}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      {!assistants.some(({ is_default }) => is_default) && <option value="">No assistant</option>}
      {assistants.map(({ name, title }) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </select>
  )
}

const ModelChoice = () => {
  const { dispatch } = useStore()
  const assistant = useSelector(currentAssistant)
  const models = useSelector((state) => state.models)
  const model = useSelector((state) => state.model)
  const names = assistant?.models ?? models.map(({ name }) => name)
  if (names.length < 2) return names[0] ? <span class="model-name">{names[0]}</span> : null
  const choose = (name: string) =>
    dispatch({ type: 'model-chosen', model: name === names[0] ? undefined : name })
  return (
    <select
      aria-label="Model"
      value={model ?? names[0]}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  )
}

/** Who answers the next message. */
export const Choices = () => {
  const isNew = useSelector((state) => isDraft(state.open))
  const title = useSelector((state) => (isDraft(state.open) ? undefined : currentAssistant(state)?.title))
  return (
    <div class="choices">
      {isNew && <AssistantChoice />}
      {title && <span class="assistant-name">{title}</span>}
      <ModelChoice />
    </div>
  )
}
