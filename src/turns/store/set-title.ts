import type { Database } from '../../db/database.js'
import type { Usage } from '../../models/model.js'

export interface SetTitle {
  userId: string
  conversationId: string
  /** null when the model gave no title: only the usage is counted */
  title: string | null
  model: string
  usage: Usage
}

/** Sets a title that a model generated, unless the user has changed it. */
export const setTitle = async (
  db: Database,
  { userId, conversationId, title, model, usage }: SetTitle,
): Promise<void> => {
  await db.statement(
    (sql) => sql`
      select colloquy.set_title(
        p_user_id => ${userId}, p_conversation_id => ${conversationId}, p_title => ${title}, p_model => ${model},
        p_input_tokens => ${usage.input_tokens}, p_output_tokens => ${usage.output_tokens},
        p_cached_input_tokens => ${usage.cached_input_tokens}, p_reasoning_tokens => ${usage.reasoning_tokens},
        p_total_tokens => ${usage.total_tokens}, p_cost => ${usage.cost})`,
    'others',
  )
}
