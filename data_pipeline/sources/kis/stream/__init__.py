"""KIS's half of the stream: its fields, frames and sessions."""
