-- oldest program: 1

-- By default a table is vacuumed when a fifth of it has changed: of a hundred million messages that is twenty million, and until
-- then its newest pages, which are what is read, are in no visibility map and their rows have to be frozen all at once later.
alter table colloquy.conversations set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table colloquy.turns set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table colloquy.messages set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- These are small and change all the time: rows that each turn updates, or inserts and deletes. Their size is no measure of what is
-- dead in them.
alter table colloquy.usage set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table colloquy.turn_counts set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table colloquy.total_spending set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
alter table colloquy.turn_events set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table colloquy.waiting_messages set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
alter table colloquy.idempotency_keys set (autovacuum_vacuum_scale_factor = 0.05);
alter table colloquy.updates set (autovacuum_vacuum_scale_factor = 0.05);
