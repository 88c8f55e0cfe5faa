import type { Guide } from './guides.js'

const link = (title: string, path: string, notes: string): string => `- [${title}](${path}): ${notes}`

/**
 * The file in which language models find what there is to read (https://llmstxt.org). Its links are relative: a proxy may serve it
 * at an address that the server does not know.
 */
export const llmsText = (guides: readonly Guide[], hasMarkdownContract: boolean): string => {
  const toLink = ({ title, slug, purpose }: Guide) => link(title, `docs/guides/${slug}.md`, purpose)
  const isOptional = ({ slug }: Guide): boolean => slug === 'contributing' || slug === 'changelog'
  return `# Colloquy

> A chat backend beside the app you already have: one contract, one stateless server, your own PostgreSQL. It trusts
> the app's login (a JWT), keeps each user's conversations, and answers with the model that its operator has chosen,
> whole or as a stream.

- Every operation of a user's data is under \`/api/{user_id}/\` and wants \`Authorization: Bearer <token>\`, whose \`sub\` is that user id.
- \`POST /api/{user_id}/chat\` with \`{"message": "…"}\` answers whole, and as server-sent events with \`Accept: text/event-stream\`.
- From TypeScript use the package \`@colloquy/client\`; in React its transport for the AI SDK's \`useChat\`.
- Errors are problems (RFC 9457) with a stable \`code\`. A request with an \`Idempotency-Key\` may be repeated.

## API

${[
  ...(hasMarkdownContract
    ? [link('The contract as Markdown', 'docs/api.md', 'every operation, schema and problem code')]
    : []),
  link('The contract as OpenAPI 3.1, JSON', 'openapi.json', 'what clients are generated from'),
  link('The contract as OpenAPI 3.1, YAML', 'openapi.yaml', 'the same, as it is written'),
].join('\n')}
${
  guides.length === 0
    ? ''
    : `\n## Guides\n\n${guides
        .filter((guide) => !isOptional(guide))
        .map(toLink)
        .join('\n')}\n`
}
## Optional

${[
  ...guides.filter(isOptional).map(toLink),
  link('Postman collection', 'postman.json', 'a request for every operation'),
].join('\n')}
`
}
