-- Seconds somebody spoke in its stay, as far as they were counted.
ALTER TABLE attendance ADD COLUMN spoken INTEGER NOT NULL DEFAULT 0;

-- Polls and questions as they last were in the occurrence, in JSON. NULL: there were none.
ALTER TABLE occurrence ADD COLUMN tools TEXT;
