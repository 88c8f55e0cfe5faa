import type { Mutation } from '../mutate.js'

/** Each is seen only by calls that come at once. */
export const races: Mutation[] = [
  {
    breaks: 'a conversation has one writer, whoever comes first',
    of: 'lock_conversation',
    from: /for no key update skip locked/,
    to: '',
  },
  {
    breaks: 'a begin that has waited sees what the one before it has written',
    of: 'lock_conversation',
    from: /and colloquy\.is_live\(c\.expires_at\)\s+for no key update;/,
    to: 'and colloquy.is_live(c.expires_at);',
  },
  {
    breaks: 'of those who try again, one begins',
    of: 'resume_turn',
    from: /v_lock := colloquy\.lock_conversation\([^;]*;/,
    to: `select 'held' as outcome, c.last_turn_id into v_lock
      from colloquy.conversations c where c.user_id = p_user_id and c.id = v_key.conversation_id;`,
  },
  {
    breaks: 'nothing is kept of a turn that is being ended',
    of: 'sync_attempts',
    from: /for no key update skip locked/,
    to: '',
  },
  {
    breaks: 'of two ends, one is stored',
    of: 'end_turns',
    from: /for no key update;/,
    to: ';',
    // It is judged again by the write.
    and: {
      of: 'end_turn',
      from: /and t\.status = 'running' and t\.attempt = p_attempt/,
      to: `and (
        select x.status = 'running' and x.attempt = p_attempt
        from colloquy.turns x where x.user_id = p_user_id and x.id = p_turn_id)`,
    },
  },
  {
    breaks: 'a batch waits for no conversation',
    of: 'begin_turns',
    from: /if p_may_wait then/,
    to: 'if true then',
  },
  {
    breaks: 'batches wait for what users share in one order',
    of: 'end_turns',
    from: /order by e\.user_id collate "C", e\.model collate "C"/,
    to: 'order by random()',
  },
  {
    breaks: 'a lease is judged under the lock of its turn',
    of: 'interrupt_turn',
    from: /select t\.attempt[^;]*for no key update skip locked;/,
    to: `select t.attempt, t.lease_until, t.model into v_turn
      from colloquy.turns t
      where t.user_id = p_user_id and t.id = p_turn_id and t.status = 'running';
      if not found or v_turn.lease_until >= colloquy.clock() then
        return false;
      end if;
      perform from colloquy.turns t
      where t.user_id = p_user_id and t.id = p_turn_id and t.status = 'running'
      for no key update;`,
  },
  {
    breaks: 'who deletes a conversation waits for the turn that is being ended',
    of: 'delete_conversations',
    from: /select array_agg\(r\.id\) into v_running[\s\S]*?if p_rows is null then[\s\S]*?get diagnostics v_turns = row_count;/,
    to: 'if p_rows is null then',
  },
]
