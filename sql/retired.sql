-- Functions that the release before this one still called and that no program calls any more, each as
--   drop function if exists colloquy.name(the types of its arguments);
-- Applied before sql/functions, in the same transaction.
-- Only functions call these, which are replaced along with them.
drop function if exists colloquy.end_turn(
  text, uuid, integer, text, text, jsonb, integer, jsonb, integer, integer, integer, integer, text, boolean);
drop function if exists colloquy.end_turn(
  text, uuid, integer, text, text, jsonb, integer, jsonb, integer, integer, integer, integer, text, text, boolean);
drop function if exists colloquy.add_usage(text, timestamptz, text, bigint, bigint, bigint, bigint, bigint);
drop function if exists colloquy.partial_answer(text, uuid, integer, text);
drop function if exists colloquy.begin_turn(
  text, uuid, boolean, uuid, uuid, uuid, text, text, text, integer, integer, integer, bytea, bytea, boolean);
drop function if exists colloquy.resume_turn(text, bytea, bytea, uuid, integer, integer, integer, boolean);
drop function if exists colloquy.history_window(text, uuid, integer, integer, integer);
drop function if exists colloquy.begin_turn(
  text, uuid, boolean, uuid, uuid, uuid, text, text, text, integer, integer, integer, integer, bytea, bytea, boolean);
drop function if exists colloquy.resume_turn(text, bytea, bytea, uuid, integer, integer, integer, integer, boolean);
-- Made anew right after this: it answers one column more, which a replacement may not, and callers name those they read.
drop function if exists colloquy.begin_turns(json, boolean);
-- No released program calls it.
drop function if exists colloquy.set_title(text, uuid, text, text, integer, integer, integer, integer);
drop function if exists colloquy.history_window(text, uuid, integer, integer, integer, integer, integer);
-- Made anew, with more columns.
drop function if exists colloquy.lock_conversation(text, uuid, boolean);
drop function if exists colloquy.search_rank(text, text[], text[], text[], text, text[], jsonb[]);
drop function if exists colloquy.count_turn(text, uuid, integer, integer, integer, bigint);
-- Made anew, with the cost as the last argument; the two that programs call take calls without it.
drop function if exists colloquy.end_turn(
  text, uuid, integer, text, text, text, jsonb, integer, jsonb, jsonb, jsonb, integer, integer, integer, integer, integer,
  integer, integer, text, text, boolean);
drop function if exists colloquy.add_usage(text, timestamptz, text, bigint, bigint, bigint, bigint, bigint, bigint);
drop function if exists colloquy.add_job_usage(text, uuid, text, integer, integer, integer, integer, integer);
drop function if exists colloquy.set_title(text, uuid, text, text, integer, integer, integer, integer, integer);
drop function if exists colloquy.store_summary(
  text, uuid, uuid, uuid, text, integer, integer, text, integer, integer, integer, integer, integer);
drop function if exists colloquy.delete_conversations(text, uuid[]);
drop function if exists colloquy.begin_turn(
  text, uuid, boolean, uuid, uuid, uuid, text, text, text, uuid, text, integer, integer, integer, integer, bytea, bytea,
  boolean);
drop function if exists colloquy.resume_turn(
  text, bytea, bytea, uuid, integer, integer, integer, integer, boolean);
-- What is made in their place may be called with the same arguments.
drop function if exists colloquy.fork_conversation(text, uuid, uuid, uuid, text);
drop function if exists colloquy.import_messages(text, json, json);
drop function if exists colloquy.begin_turn(
  text, uuid, boolean, uuid, uuid, uuid, text, text, text, uuid, text, integer, integer, integer, integer, bytea, bytea,
  bigint, boolean, json, text, json);
drop function if exists colloquy.resume_turn(
  text, bytea, bytea, uuid, integer, integer, integer, integer, bigint, boolean, json, json);
drop function if exists colloquy.delete_conversation(text, uuid);
drop function if exists colloquy.end_turns(json, boolean);
drop function if exists colloquy.sync_attempts(json, integer);
drop function if exists colloquy.wait_messages(json);
drop function if exists colloquy.read_updates(json);
-- Only functions call these, which are replaced along with them.
drop function if exists colloquy.search_rank(text, text[], text[], text[], text, text[]);
drop function if exists colloquy.search_stemmed(text, text, jsonb);
drop function if exists colloquy.search_candidates(bytea, integer[]);
drop function if exists colloquy.search_compare(
  text, uuid, uuid, integer[], bit varying[], uuid, uuid, boolean, timestamptz, timestamptz, text[], text[], text[], text[],
  text[], jsonb[], text, integer, timestamptz, uuid, integer);
