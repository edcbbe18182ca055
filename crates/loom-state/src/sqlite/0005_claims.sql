-- Which request a task was begun by, so that the same one sent again begins no other.
CREATE TABLE claims (
    key     TEXT    PRIMARY KEY,
    digest  TEXT    NOT NULL,
    task_id TEXT    NOT NULL,
    ts      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX claims_by_age ON claims (ts);
