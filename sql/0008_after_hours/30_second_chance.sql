-- Rows that the mended checks had refused count as never tried: the next evening's heal_gaps tries them once more.
UPDATE market.rejected_row SET tried_at = NULL
WHERE settled_at IS NULL AND tried_at IS NOT NULL AND dataset IN ('daily_bar', 'price_snapshot')
    AND (reason LIKE '%without an open, high and low%' OR reason LIKE 'base: %' OR reason LIKE 'limit: %');
