"""What the plan of a backfill refuses, on a warehouse of seven thousand made-up issues; nothing is ever asked.

Facts: 23 September 2025 to 22 September 2026 hold 242 sessions, 4,611 pages of 120 minutes an issue when twenty sessions
are asked for together... counted by hand below.
"""
