"""Libraries in folders: one SQLite file, generations of the indexes made from it, and what keeps both from harm."""
