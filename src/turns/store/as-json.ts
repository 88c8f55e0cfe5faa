import type { Sql } from '../../db/database.js'

/** PostgreSQL's OID of json. The driver's own `sql.json` sends jsonb, which the server would parse twice. */
const jsonType = 114

export const asJson = (sql: Sql, value: unknown) => sql.typed(value as never, jsonType)
