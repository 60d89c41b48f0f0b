"""What the stream leaves beside its trades: gaps, watched codes, what the market did, and how its lines stand."""
