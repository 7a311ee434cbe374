"""Which version of the program is installed, and which code it is."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path


def code_digest(packages: Iterable[Path], *, leaving_out: Collection[str] = ()) -> str:
    """Return the SHA-256 of the modules in packages, in hexadecimal.

    Args:
        packages: Their folders.
        leaving_out: Modules that do not count, by their path below their package; ``web/`` leaves out all below it.

    Returns:
        The digest.
    """
    names = ((folder, path.relative_to(folder).as_posix()) for folder in packages for path in folder.rglob("*.py"))
    counted = sorted((folder.name, name, folder) for folder, name in names if not name.startswith(tuple(leaving_out)))
    return hashlib.sha256(b"\0".join((folder / name).read_bytes() for _, name, folder in counted)).hexdigest()


def installed_version() -> str:
    """Return the version, ``""`` where the code is run from a folder without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("leadgoose")
    except PackageNotFoundError:
        return ""
