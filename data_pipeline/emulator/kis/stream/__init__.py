"""KIS's live stream, played: registrations, trades, books, heartbeats, refusals, bans and every failure on request."""
