interface Document {
  components: { schemas: Record<string, object> }
}

const changed =
  (change: (schemas: Document['components']['schemas']) => void) =>
  (text: string): string => {
    const document = JSON.parse(text) as Document
    change(document.components.schemas)
    return JSON.stringify(document)
  }

/** Copies of the contract that cannot grow, each in one place, and a generator that is to be seen to fail with it. */
export const breakages = [
  {
    name: 'an enum that is closed',
    client: 'openapi-zod-client',
    close: changed((schemas) => {
      schemas.MessageRole = { $ref: '#/components/schemas/KnownMessageRole' }
    }),
  },
  {
    name: 'an object that is closed',
    client: 'openapi-zod-client',
    close: changed((schemas) => {
      schemas.Conversation = { ...schemas.Conversation, additionalProperties: false }
    }),
  },
  {
    name: 'a stream that is closed',
    client: 'hey-api',
    close: changed((schemas) => {
      schemas.StreamEvent = { $ref: '#/components/schemas/KnownStreamEvent' }
    }),
  },
]
