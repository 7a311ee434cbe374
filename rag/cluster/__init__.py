"""Indexing on a Ray cluster: what its head does, what its workers do, and the rows that pass between them."""
