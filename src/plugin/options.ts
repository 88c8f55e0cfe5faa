/** Each may be left out, or be undefined, as variables are that are not set. */
type Optional<Type> = { [Name in keyof Type]?: Type[Name] | undefined }

/** The server's variables in src/commands/README.md, but for those about listening, logging and its data folder. */
interface Settings {
  /** Any PostgreSQL from 15: `postgres://user:password@host:5432/database`. Required, here or as DATABASE_URL. */
  databaseUrl: string
  /** A physical standby of it, which answers reads of clients that say what they have seen. Default: the primary answers all. */
  databaseReadUrl: string
  /** How many connections to the database are opened at most. Default: 10. */
  databasePoolMax: number
  /** Prepared statements; `auto` is off when the URL shows a pooler. Default: `auto`. */
  databasePrepare: 'auto' | 'on' | 'off'

  /** The app's Better Auth, whose published keys verify the users' tokens. This, jwksUrl or betterAuthSecret is required. */
  betterAuthUrl: string
  /** A secret of at least 32 bytes, shared with whoever signs the users' tokens (HS256). */
  betterAuthSecret: string
  /** Where the keys are published, if not at betterAuthUrl; needs jwtIssuer and jwtAudience. */
  jwksUrl: string
  /** The issuer that tokens must name. Default: the origin of betterAuthUrl. */
  jwtIssuer: string
  /** The audience that tokens must name. Default: the origin of betterAuthUrl. */
  jwtAudience: string
  /** Browser origins that may call the chat. Leave it out where the app's own @fastify/cors does this. Default: none. */
  corsOrigins: readonly string[]

  /** Who answers: `echo`, or `<provider>/<model>`; several answer in turn when one cannot. Default: `echo`. */
  model: string | readonly string[]
  /** Other models that a request may name; each may be a chain, `openai/<model>|anthropic/<model>`. Default: none. */
  models: readonly string[]
  /** The key of OpenAI. */
  openaiApiKey: string
  /** A gateway in the place of OpenAI's API, up to and with the version. */
  openaiBaseUrl: string
  /** The key of Anthropic. */
  anthropicApiKey: string
  /** A gateway in the place of Anthropic's API, up to and with the version. */
  anthropicBaseUrl: string
  /** The key of Google. */
  googleGenerativeAiApiKey: string
  /** A gateway in the place of Google's API, up to and with the version. */
  googleGenerativeAiBaseUrl: string
  /** The key of an OpenAI-compatible server, if it wants one. */
  openaiCompatibleApiKey: string
  /** Where an OpenAI-compatible server has `/chat/completions`. */
  openaiCompatibleBaseUrl: string
  /** 0 to 2. Default: the provider's own. */
  temperature: number
  /** How long an answer may be, in tokens. Default: the provider's own. */
  maxOutputTokens: number
  /** What models cost: the path of a JSON file of prices, `default` for a small table of our own, or `off`. Default: `default`. */
  prices: string
  /** What the model is told first. Default: nothing. */
  systemPrompt: string
  /** The path of a JSON file of assistants, which conversations may begin with. Default: none. */
  assistants: string
  /** What a new conversation is called after: its first `message`, or what the `model` says of it. Default: `message`. */
  titles: 'message' | 'model'
  /** How many earlier messages a model gets at most. Default: 40. */
  historyMessages: number
  /** How many tokens all that a model is sent may take; by model: `16000,openai/gpt-5=200000`. Default: 16000. */
  historyTokens: number | string
  /** Whether the model's reasoning is streamed, and kept for those who ask for it. Default: false. */
  reasoning: boolean
  /** Whether the model sums up what falls out of the window. Default: false. */
  compact: boolean
  /** How long a model may take until its first word, in milliseconds. Default: 60000. */
  firstEventTimeoutMs: number

  /** How long a model may take for a turn, in milliseconds. Default: 120000. */
  turnTimeoutMs: number
  /** How long a message waits for another turn of its conversation, in milliseconds. Default: 5000. */
  busyWaitMs: number
  /** How long a turn is believed alive after its instance was last heard of, in milliseconds. Default: 15000. */
  leaseMs: number
  /** How many days conversations are kept after their last turn. Default: 0, for ever. */
  retentionDays: number
  /** Which conversations are kept all the same: `pinned`, `archived`, both, or `none`. Default: `pinned`. */
  retentionKeeps: string | readonly string[]

  /** How many turns of a user may run at once. Default: 20. */
  userRunningTurns: number
  /** How many messages of a user may wait for busy conversations at once. Default: 50. */
  userWaitingMessages: number
  /** How many turns of a user may begin in a minute. Default: 0, no limit. */
  userTurnsPerMinute: number
  /** How many turns of a user may begin in a day. Default: 0, no limit. */
  userTurnsPerDay: number
  /** After how many tokens in a day no turn of a user begins. Default: 0, no limit. */
  userTokensPerDay: number
  /** How much money the turns of a user may cost in a day, such as `2.50`, in the currency of the prices. Default: 0, no limit. */
  userBudgetPerDay: number | string
  /** The same for a month. Default: 0, no limit. */
  userBudgetPerMonth: number | string
  /** How much money the turns of all users together may cost in a day. Default: 0, no limit. */
  budgetPerDay: number | string
  /** The same for a month. Default: 0, no limit. */
  budgetPerMonth: number | string
  /** The path of a JSON file of limits by plan and by user. Default: the same for everybody. */
  plans: string
  /** The claim of a user's token that names the plan. */
  planClaim: string
  /** How many turns run here at once. Default: 2000. */
  maxRunningTurns: number
  /** How many messages wait here at once. Default: 2000. */
  maxWaitingMessages: number
  /** How many streams are open here at once. Default: 3000. */
  maxStreams: number
  /** How long running turns may finish when the app closes, within its `pluginTimeout`, in milliseconds. Default: 20000. */
  shutdownMs: number
  /** The bearer token with which a scraper reads the chat's metrics at `/metrics`. Default: nobody may. */
  metricsToken: string

  /** The path of a JSON file that declares tool servers. Default: no tools. */
  mcpConfig: string
  /** The Ed25519 private key (PEM) that signs tokens for tool servers. Required where one is told which user asks. */
  toolsKey: string
  /** How often a turn may ask its model. Default: 8. */
  toolSteps: number
  /** How many tool calls a turn may make. Default: 32. */
  toolCalls: number
  /** How long a tool call may take, in milliseconds. Default: 30000. */
  toolTimeoutMs: number
  /** How long the result of a tool may be, as JSON. Default: 65536. */
  toolResultBytes: number
}

/** A registry of prom-client 15: its `register`, or one that `new Registry()` makes. */
export interface MetricsRegistry {
  registerMetric(metric: never): void
  metrics(): Promise<string>
}

interface Own {
  /** Where settings come from that are not given here. Default: `process.env`. */
  env: Readonly<Record<string, string | undefined>>
  /** Whether registering brings the database up to date first, as `colloquy serve` does. Default: true. */
  migrate: boolean
  /** Whether the contract (`/openapi.json`, `/openapi.yaml`, `/docs/api.md`), its reference page (`/docs`), the guides (`/docs/guides`, `/llms.txt`) and a Postman collection (`/postman.json`) are served too. Default: false. */
  documents: boolean
  /** The app's registry of prom-client, to which the chat's metrics are added; the app exposes them with its own. Default: none. */
  metrics: MetricsRegistry
}

/**
 * Each is a variable of the server in camel case, without its `CHAT_`, and wins over it: `turnTimeoutMs` is
 * `CHAT_TURN_TIMEOUT_MS`.
 */
export type ColloquySettings = Optional<Settings>

/** What the plugin takes. */
export type ColloquyOptions = Optional<Settings & Own>
