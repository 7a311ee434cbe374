"""Indexing on a Ray cluster: joining one, what its head and its workers do, and the rows that pass between them."""
