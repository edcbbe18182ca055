-- What the newest entries mean, by an embedding model of the user's: numbers of four bytes, the least byte
-- first, of which the squares add up to one. They are made from the entries and can be made again.
CREATE TABLE memory_vectors (
    -- The entry.
    number     INTEGER PRIMARY KEY,
    -- Who made it: what two models made is not comparable.
    model      TEXT    NOT NULL,
    dimensions INTEGER NOT NULL,
    vector     BLOB    NOT NULL
) STRICT;
