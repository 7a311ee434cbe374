"""What readers are told of where files lie on the server's machine: their names alone; knows callers, no requests."""

from __future__ import annotations

import os
import re
from pathlib import PurePath

from rag.web.roles import EVERY_LIBRARY, Caller, Role

# An absolute path; not one of ours in an address.
PATH = re.compile(r"""(?<![\w.:/])/(?!v1/)(?:[^\s/:;,()'"]+/)+([^\s/:;,()'"]*)""")


def without_folders(message: str) -> str:
    """Return a message in one line that names files without their folders."""
    return PATH.sub(r"\1", " ".join(message.split()))


def told(caller: Caller, message: str) -> str:
    """Return a message in one line; to those who may not administer the service it names no folder of the machine."""
    line = " ".join(message.split())
    return line if caller.may(Role.ADMIN, EVERY_LIBRARY) else without_folders(line)


def shown_source(caller: Caller, library: str, source: str) -> str:
    """Return where a document came from; to those who may not administer its library the name of the file alone.

    Args:
        caller: Who asks.
        library: The library's name.
        source: The path, or whatever else was given as the source.

    Returns:
        The source.
    """
    return PurePath(source).name if os.path.isabs(source) and not caller.may(Role.ADMIN, library) else source
