-- The kept past is appended in the order of time, so a summary of its pages finds a time as well as an entry for each row.
DROP INDEX market.restatement_time;
CREATE INDEX restatement_time ON market.restatement USING brin (loaded_at) WITH (pages_per_range = 16, autosummarize = on);
