import type { Mutation } from '../mutate.js'

/** A conversation is led by the assistant that it began with. */
export const assistants: Mutation[] = [
  {
    breaks: 'a turn is led by its conversation’s assistant',
    of: 'begin_turn',
    from: /v_begun\.assistant := v_lock\.assistant;/,
    to: '',
  },
  {
    breaks: 'a retried turn is led by its conversation’s assistant',
    of: 'resume_turn',
    from: /v_begun\.assistant := v_lock\.assistant;/,
    to: '',
  },
  {
    breaks: 'the model is one of the assistant’s',
    of: 'begin_turn',
    from: /v_model := v_choice\.model;/,
    to: '',
  },
  {
    breaks: 'an assistant that is not known leads nothing',
    of: 'choose_assistant',
    from: /v_choice := p_assistants -> p_assistant;/,
    to: `v_choice := coalesce(
      p_assistants -> p_assistant, '{"model": "echo", "window_size": 16000, "history_tokens": 16000}');`,
  },
  {
    breaks: 'nothing is tried again for an assistant that is not known',
    of: 'resume_turn',
    from: /elsif v_refusal is not null then/,
    to: 'elsif false then',
  },
]
