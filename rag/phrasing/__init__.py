"""A chat model asked within limits, and its words taken apart and checked; stages: `rag.phrase`, `rag.follow_up`."""
