"""Serving: the HTTP API, the pages and who may use them, in one process; everything else stands without it."""
