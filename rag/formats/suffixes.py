"""Which files are read, by suffix, and whether a parser is needed for it."""

from __future__ import annotations

PLAIN = frozenset({".txt", ".text", ".md", ".markdown", ".rst"})
WEB = frozenset({".html", ".htm", ".xhtml"})
TABLES = frozenset({".csv", ".tsv"})
JSON = frozenset({".json"})
JSON_LINES = frozenset({".jsonl", ".ndjson"})
OFFICE = frozenset({".docx", ".pptx", ".xlsx", ".xls", ".odt", ".ods", ".odp", ".rtf", ".epub"})
# Formats that are zip archives of XML inside.
ZIPPED = frozenset({".docx", ".pptx", ".xlsx", ".odt", ".ods", ".odp", ".epub"})
PARSED = frozenset({".pdf", ".eml"}) | WEB | TABLES | JSON | JSON_LINES | OFFICE
# A title or date in the text of such a file is that of one sheet, row or record.
TABULAR = TABLES | JSON | JSON_LINES | {".xlsx", ".xls", ".ods"}
ARCHIVES = frozenset({".zip"})
SUPPORTED = (*sorted(PLAIN), *sorted(PARSED), *sorted(ARCHIVES))
