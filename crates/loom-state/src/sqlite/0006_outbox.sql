-- Messages to receivers outside, each made with the event that it reports. Not a part of any task's
-- stream: most are sent when that has ended.
CREATE TABLE outbox (
    id      TEXT    PRIMARY KEY,
    task_id TEXT    NOT NULL,
    seq     INTEGER NOT NULL,
    url     TEXT    NOT NULL,
    state   TEXT    NOT NULL,
    tries   INTEGER NOT NULL,
    due     INTEGER NOT NULL,
    outcome TEXT    NOT NULL,
    updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_waiting ON outbox (due) WHERE state = 'waiting';
CREATE INDEX outbox_of_task ON outbox (task_id, seq);
