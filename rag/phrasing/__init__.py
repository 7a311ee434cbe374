"""A chat model asked within limits, and what it wrote taken apart and checked; the stage is `rag.phrase`."""
