-- What was found out about the models at a server: by a probe, or while they were used. Not events of
-- a task, since they hold for all of them. The facts are the router's own words; nothing here reads them.
CREATE TABLE model_facts (
    server TEXT    NOT NULL,
    model  TEXT    NOT NULL,
    facts  TEXT    NOT NULL,
    seen   INTEGER NOT NULL,
    PRIMARY KEY (server, model)
) STRICT, WITHOUT ROWID;
