-- Rows that the mended checks had refused, and that somebody tried again in vain before, count as never tried: the next
-- evening's heal_gaps tries them, as it does with every row once. They stay in quarantine until they pass.
UPDATE market.rejected_row SET tried_at = NULL
WHERE settled_at IS NULL AND tried_at IS NOT NULL
    AND (reason LIKE 'market_cap: %' OR reason LIKE 'volume: nothing traded %' OR reason LIKE 'unsupported operand type%');
COMMENT ON COLUMN market.rejected_row.tried_at IS 'When it was last tried again (timestamptz), null for never since the check that refused it was mended; source: the server''s clock.';
