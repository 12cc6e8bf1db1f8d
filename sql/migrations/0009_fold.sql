-- The fold's state after the records before next_offset: with it, a drain's KPIs are those of one
-- that never stopped. json keeps the text: jsonb would lose the sign of -0.0 and turn 1e22 into an
-- integer.
-- Offsets without a state cannot be gone on from: the log is folded again from its beginning; rows
-- that are there already stay, and are not doubled.
DELETE FROM kafka_offsets;
ALTER TABLE kafka_offsets ADD COLUMN fold json NOT NULL CHECK (json_typeof(fold) = 'object');

GRANT UPDATE (fold) ON kafka_offsets TO market_writer;
