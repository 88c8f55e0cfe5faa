import type { Mutation } from '../mutate.js'

/** A branch is told of itself, and begins where it may. */
export const branches: Mutation[] = [
  {
    breaks: 'an answer has the position after its question',
    of: 'begin_turn',
    from: /last_position = c\.last_position \+ v_given/,
    to: 'last_position = c.last_position + v_given + 1',
  },
  {
    breaks: 'a branch is told of itself alone',
    of: 'begin_turn',
    from: /p_path => v_path,/,
    to: 'p_path => null,',
  },
  {
    breaks: 'a branch is told of all that comes before it',
    of: 'history_window',
    from: /exit when p_path is null or/,
    to: 'exit when true or',
  },
  {
    breaks: 'another answer is told what came before its question',
    of: 'begin_turn',
    from: /p_before => v_question_position/,
    to: 'p_before => v_position',
  },
  {
    breaks: 'what begins is on the active branch',
    of: 'begin_turn',
    from: /active_path = v_active_path,/,
    to: '',
  },
  {
    breaks: 'what begins again is on the active branch',
    of: 'resume_turn',
    from: /if not upper_inf\(v_lock\.active_path\) then/,
    to: 'if false then',
  },
  {
    breaks: 'a branch takes over where the window of its parent began',
    of: 'place_turn',
    from: /select t\.window_starts into window_starts/,
    to: 'select null::jsonb into window_starts',
  },
  {
    breaks: 'a message follows answers alone',
    of: 'place_turn',
    from: /elsif p_place = 'after' and v_target\.role <> 'assistant' then/,
    to: 'elsif false then',
  },
  {
    breaks: 'a turn begins at messages of its conversation alone',
    of: 'place_turn',
    from: /m\.id = p_target_id and m\.conversation_id = p_conversation_id/,
    to: 'm.id = p_target_id',
  },
]
