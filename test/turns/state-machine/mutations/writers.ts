import type { Mutation } from '../mutate.js'

/** A conversation has one writer at a time, whose lease is judged under its lock. */
export const writers: Mutation[] = [
  {
    breaks: 'one writer',
    of: 'begin_turn',
    from: /elsif v_last\.status = 'running' then/,
    to: 'elsif false then',
  },
  {
    breaks: 'a lease holds to its last millisecond',
    of: 'interrupt_turn',
    from: /v_turn\.lease_until >= colloquy\.clock\(\)/,
    to: 'v_turn.lease_until > colloquy.clock()',
  },
  {
    breaks: 'a lease that holds is nobody else’s to end',
    of: 'interrupt_turn',
    from: /or v_turn\.lease_until >= colloquy\.clock\(\)/,
    to: '',
  },
  {
    breaks: 'a begin interrupts no turn whose lease has run out',
    of: 'begin_turn',
    from: /v_lock := colloquy\.lock_conversation\([^;]*;/,
    to: `$&
      perform colloquy.interrupt_turn(p_user_id => p_user_id, p_turn_id => v_lock.last_turn_id, p_cut_off => '')
      from colloquy.turns t where t.user_id = p_user_id and t.id = v_lock.last_turn_id and t.lease_until < v_now;`,
  },
  {
    breaks: 'a repeated key interrupts no turn whose lease has run out',
    of: 'resume_turn',
    from: /v_lock := colloquy\.lock_conversation\([^;]*;/,
    to: `$&
      perform colloquy.interrupt_turn(p_user_id => p_user_id, p_turn_id => v_key.turn_id, p_cut_off => '');`,
  },
  {
    breaks: 'whoever waits is told that a lease has run out',
    of: 'begin_turn',
    from: /v_last\.lease_until < v_now/,
    to: 'false',
  },
  {
    breaks: 'an ended turn gives its conversation back',
    of: 'end_turn',
    from: /set status = p_status,/,
    to: "set status = case when p_status = 'cancelled' then 'running' else p_status end,",
  },
]
