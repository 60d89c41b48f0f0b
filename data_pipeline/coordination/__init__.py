"""State that processes share: the limiter's slots, the breaker's state and the access token."""
