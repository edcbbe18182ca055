-- The journal. Nothing is ever updated or deleted here.
CREATE TABLE events (
    id             INTEGER PRIMARY KEY,
    task_id        TEXT    NOT NULL,
    seq            INTEGER NOT NULL,
    ts             INTEGER NOT NULL,
    type           TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    subtask_id     TEXT,
    attempt        INTEGER,
    correlation_id INTEGER NOT NULL,
    data           TEXT    NOT NULL
) STRICT;

-- Unique, so that not even a second process could give a seq twice.
CREATE UNIQUE INDEX events_by_task ON events (task_id, seq);

-- Derived from the events, in the transaction that adds them.
CREATE TABLE tasks (
    id             TEXT    PRIMARY KEY,
    status         TEXT    NOT NULL,
    phase          TEXT    NOT NULL,
    paused         INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    updated        INTEGER NOT NULL,
    last_seq       INTEGER NOT NULL,
    plan_version   INTEGER NOT NULL,
    in_flight      TEXT    NOT NULL,
    subtasks_done  INTEGER NOT NULL,
    subtasks_total INTEGER NOT NULL,
    tokens         INTEGER NOT NULL,
    waiting        INTEGER NOT NULL,
    workspace      TEXT,
    goal           TEXT    NOT NULL
) STRICT;

CREATE TABLE subtasks (
    task_id      TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    plan_version INTEGER NOT NULL,
    title        TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    phase        TEXT    NOT NULL,
    attempt      INTEGER,
    attempts     INTEGER NOT NULL,
    tier         INTEGER NOT NULL,
    updated      INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    PRIMARY KEY (task_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE approvals (
    task_id    TEXT    NOT NULL,
    id         INTEGER NOT NULL,
    subtask_id TEXT,
    asked      INTEGER NOT NULL,
    deadline   INTEGER,
    on_expiry  TEXT    NOT NULL,
    question   TEXT    NOT NULL,
    closed_how TEXT,
    closed_by  TEXT,
    closed_at  INTEGER,
    PRIMARY KEY (task_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX approvals_open ON approvals (asked, task_id, id) WHERE closed_how IS NULL;

-- The entry itself is in its event; here is only what it is found by.
CREATE TABLE memory (
    id         INTEGER PRIMARY KEY REFERENCES events (id),
    task_id    TEXT    NOT NULL,
    subtask_id TEXT,
    kind       TEXT    NOT NULL
) STRICT;

CREATE INDEX memory_by_task ON memory (task_id);

CREATE TABLE memory_tags (
    tag       TEXT    NOT NULL,
    memory_id INTEGER NOT NULL REFERENCES memory (id),
    PRIMARY KEY (tag, memory_id)
) STRICT, WITHOUT ROWID;

-- Without content of its own: what it indexes is in the event.
CREATE VIRTUAL TABLE memory_fts USING fts5 (
    summary, detail, tags, relevance_to,
    content = '', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE blobs (
    id   TEXT    PRIMARY KEY,
    size INTEGER NOT NULL,
    zstd BLOB    NOT NULL
) STRICT;

-- Not events of a task: they may come after its end.
CREATE TABLE reverts (
    id      INTEGER PRIMARY KEY,
    task_id TEXT    NOT NULL,
    ts      INTEGER NOT NULL,
    scope   TEXT    NOT NULL,
    changes TEXT    NOT NULL
) STRICT;

CREATE INDEX reverts_by_task ON reverts (task_id);
