"""Whether evidence carries a claim: values, names and denials compared; the stage is `rag.claims`."""
