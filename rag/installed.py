"""Which version of the program is installed."""

from __future__ import annotations


def installed_version() -> str:
    """Return the version, ``""`` where the code is run from a folder without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("leadgoose")
    except PackageNotFoundError:
        return ""
