-- Tasks whose journal came from another data directory: history, which nobody goes on with here.
CREATE TABLE imports (
    task_id TEXT    PRIMARY KEY,
    ts      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
