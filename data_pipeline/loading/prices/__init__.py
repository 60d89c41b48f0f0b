"""Factors of adjusted prices, and the exchange's bars against the brokers'."""
