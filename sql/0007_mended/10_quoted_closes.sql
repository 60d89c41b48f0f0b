-- Funds close by their quotes when nothing trades, as issues of KONEX do.
COMMENT ON COLUMN market.daily_bar.close IS
    'Last price, won; kept from before when nothing traded, but of funds and on KONEX, where it may follow quotes; source: KIS stck_clpr, KRX TDD_CLSPRC.';
