-- How many entries have a kind, a step or a tag is counted as for words, under their tokens: a search
-- must know which of its conditions is rare. No word begins with `=`.
INSERT INTO memory_words SELECT '=kind=' || replace(kind, '_', '='), count(*) FROM memory GROUP BY kind;
INSERT INTO memory_words SELECT '=step=' || lower(hex(subtask)), count(*) FROM memory
    WHERE subtask IS NOT NULL GROUP BY subtask;
INSERT INTO memory_words SELECT '=tag=' || lower(hex(tag)), count(*) FROM memory_tags GROUP BY tag;
