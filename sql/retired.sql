-- Functions that the release before this one still called and that no program calls any more, each as
--   drop function if exists colloquy.name(the types of its arguments);
-- Applied before sql/functions, in the same transaction.
-- Only end_turns and interrupt_turn call it, which are replaced along with it.
drop function if exists colloquy.end_turn(
  text, uuid, integer, text, text, jsonb, integer, jsonb, integer, integer, integer, integer, text, boolean);
drop function if exists colloquy.end_turn(
  text, uuid, integer, text, text, jsonb, integer, jsonb, integer, integer, integer, integer, text, text, boolean);
