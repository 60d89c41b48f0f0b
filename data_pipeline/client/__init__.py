"""How one HTTP call is made safely: session, token, limiter, breaker and retry, of no particular vendor."""
