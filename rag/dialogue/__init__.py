"""What a conversation remembers, and what words of a follow-up mean in it; the stage is `rag.follow_up`."""
