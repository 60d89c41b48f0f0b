"""The synthetic market: one deterministic model of prices, served in process or over an emulator's wire."""
