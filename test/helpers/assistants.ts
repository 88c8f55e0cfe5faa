import type { Assistant } from '../../src/turns/assistants.js'

/** An assistant of which a test says what matters to it; as configured in a file with these models. */
export const assistant = ({ name, ...own }: Partial<Assistant> & Pick<Assistant, 'name'>): Assistant => ({
  name,
  title: name,
  description: null,
  systemPrompt: undefined,
  models: ['echo', 'b/y', 'b/z'],
  tools: undefined,
  temperature: undefined,
  isDefault: false,
  isRetired: false,
  ...own,
})
