"""Libraries in Milvus: the rows of their collections, the one writer, and a published revision as questions see it."""
