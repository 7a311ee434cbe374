"""What a program or a person gave, held to what it has to be before any work; knows no stage and no library."""

from __future__ import annotations

# As a path "" would be the current folder, which nobody means whose variable is not set.
NO_PATH = "'' names no file or folder; name one, or . for the current folder"
