"""What people look at every morning: the facts of the warehouse and of the keys, and what they mean; shows nothing."""
