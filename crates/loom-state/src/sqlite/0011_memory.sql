-- What is found by is made anew: entries that say the same are one row, and the full-text index only
-- says which entries have a word. `unread_memory` is read from its events and dropped when the database
-- is opened next, in one transaction.
DROP TABLE memory_tags;
DROP TABLE memory_fts;
DROP INDEX memory_by_task;
ALTER TABLE memory RENAME TO unread_memory;

-- The entry itself is in its event; here is only what it is found by. The rows of a task lie together,
-- since most searches are for those of one.
CREATE TABLE memory (
    task_id   TEXT    NOT NULL,
    -- From 1 on without a gap, over all tasks.
    number    INTEGER NOT NULL,
    id        INTEGER NOT NULL REFERENCES events (id),
    subtask   TEXT,
    kind      TEXT    NOT NULL,
    -- Hash of what it says.
    statement BLOB    NOT NULL,
    -- What it is about, where statements can contradict.
    subject   TEXT,
    -- How often it was noted, and when last.
    seen      INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    -- Its words with the parts that they are in.
    words     TEXT    NOT NULL,
    PRIMARY KEY (task_id, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX memory_by_number ON memory (number);
CREATE UNIQUE INDEX memory_by_statement ON memory (task_id, statement);
CREATE INDEX memory_by_subject ON memory (task_id, subject) WHERE subject IS NOT NULL;

CREATE TABLE memory_tags (
    tag    TEXT    NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (tag, number)
) STRICT, WITHOUT ROWID;

-- How many entries have a word. It says which words of a query are rare, and how they go on.
CREATE TABLE memory_words (
    word    TEXT    PRIMARY KEY,
    entries INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The numbers of the entries that have a token: a word, or a filter such as `=kind=error`. Tokens are
-- ASCII (`sqlite/memory.rs`), so nothing depends on what a tokenizer takes for a letter.
CREATE VIRTUAL TABLE memory_fts USING fts5 (
    tokens, content = '', detail = none, columnsize = 0, tokenize = "ascii tokenchars '='"
);
