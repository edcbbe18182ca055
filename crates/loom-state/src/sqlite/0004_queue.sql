-- Whether a task waits for another one.
ALTER TABLE tasks ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;
