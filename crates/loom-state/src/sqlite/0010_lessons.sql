-- What was learned of models, plans and wishes: aggregates, a row each. What they mean is not known here.
CREATE TABLE lessons (
    section TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    value   TEXT    NOT NULL,
    ts      INTEGER NOT NULL,
    PRIMARY KEY (section, name)
) STRICT, WITHOUT ROWID;

-- Tasks whose lessons are in them, so that none is counted twice. It outlives the lessons: what was
-- forgotten on request is not learned again from the same tasks.
CREATE TABLE harvests (
    task_id TEXT    PRIMARY KEY,
    ts      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
