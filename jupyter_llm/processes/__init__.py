"""Child processes: what they are given, what they do to themselves, and how they end."""
