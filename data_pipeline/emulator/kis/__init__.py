"""The synthetic market over the wire of KIS."""
