-- The fold's state after all records before next_offset. A drain that resumes from it computes the
-- same KPIs as one that never stopped. The type is json, because jsonb loses the sign of -0.0 and
-- turns 1e22 into an integer.
-- An offset without a state cannot be resumed. The drain folds the log again from its beginning;
-- stored rows stay and are not duplicated.
DELETE FROM kafka_offsets;
ALTER TABLE kafka_offsets ADD COLUMN fold json NOT NULL CHECK (json_typeof(fold) = 'object');

GRANT UPDATE (fold) ON kafka_offsets TO market_writer;
