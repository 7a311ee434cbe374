"""Whether evidence carries a claim: values, names and denials found and compared; the stage is `rag.claims`."""
