"""KIS's half of the stream: its fields, frames, records and sessions."""
