-- Tasks whose snapshots were removed to make room: they can be looked at, and no longer undone.
CREATE TABLE collections (
    task_id TEXT    PRIMARY KEY,
    ts      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
