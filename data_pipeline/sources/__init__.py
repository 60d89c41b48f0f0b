"""Where data comes from: one folder a vendor, and the synthetic market."""
