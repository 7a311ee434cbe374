"""Sentences to an answer: scored, chosen, marked, or refused; the stage is `rag.answer`."""
