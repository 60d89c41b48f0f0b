"""Market data from the Korea Investment & Securities (KIS) Open API."""
