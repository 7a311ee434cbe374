"""Text to vectors, and vectors to a searchable index; knows strings and arrays, never documents."""
