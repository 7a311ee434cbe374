"""Files of every format, changed at random, read as they are when a library is indexed; what goes wrong is counted.

A file may be read or refused in one line. Anything else is a finding: an exception that is not about the file, text
that cleaning or its pages do not survive, a parser that crashed. The last costs its file alone, and is told apart.
"""

from __future__ import annotations

import io
import random
import re
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rag import pipeline
from rag.errors import SourceError
from rag.formats.parse_limits import ParseLimits
from rag.formats.suffixes import SUPPORTED
from rag.given import check_document
from rag.sources import SourceFile, find_files

ROOT = Path(__file__).resolve().parent.parent
LIMITS = ParseLimits(parse_timeout_s=10.0, parse_memory_mb=300)
PIECES = (
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xed\xa0\x80",
    b"<!--",
    b"<![CDATA[",
    b"&#x110000;",
    b'"',
    b"{{{{",
    b"]]>",
    b"\\bin99999999 ",
    b"/Length 99999999",
    b"\r\n.\r\n",
    b"=?utf-8?q?=",
    b"2147483648",
    b"-1",
)


@dataclass
class Findings:
    """What a run found.

    Attributes:
        tried: Files by suffix.
        outcomes: How many were read or refused, and by what kind of reason.
        contained: What crashed, hung or swelled a parser, and cost its file alone, by what it says.
        wrong: What must not happen, by what it says, with the bytes of one that does it.
    """

    tried: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    contained: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, bytes] = field(default_factory=dict)


def fuzz(seeds: Path, *, seconds: float = float("inf"), files: int = 10**9, seed: int = 0) -> Findings:
    """Read changed files until the time is over or there have been enough.

    Args:
        seeds: Folder of good files to change.
        seconds: How long.
        files: How many.
        seed: Of what is random.

    Returns:
        What was found.
    """
    chance = random.Random(seed)  # noqa: S311
    originals = [path for path in sorted(seeds.iterdir()) if path.suffix in SUPPORTED and path.stat().st_size]
    findings, end = Findings(), time.monotonic() + seconds
    with TemporaryDirectory() as work:
        while time.monotonic() < end and findings.tried.total() < files:
            original = chance.choice(originals)
            data = _changed(original.read_bytes(), chance)
            _try(Path(work) / f"changed{original.suffix}", data, findings)
    return findings


def _try(path: Path, data: bytes, findings: Findings) -> None:
    findings.tried[path.suffix] += 1
    path.write_bytes(data)
    try:
        sources, _ = find_files([path], LIMITS)
    except SourceError:
        findings.outcomes["left out"] += 1
        return
    except Exception as error:  # noqa: BLE001 -- what a fuzzer looks for
        findings.wrong[f"{path.suffix}: finding: {type(error).__name__}: {error}"[:200]] = data
        return
    for source in sources:
        _read(source, data, findings)


def _read(source: SourceFile, data: bytes, findings: Findings) -> None:
    suffix = source.path.suffix
    try:
        document = pipeline.read(source, LIMITS)
        check_document(document)
        findings.outcomes["read"] += 1
    except SourceError as error:
        reason = str(error).removeprefix(str(source.path)).strip(" :")
        if "\n" in reason:
            findings.wrong[f"{suffix}: a reason of several lines: {reason!r}"[:200]] = data
        elif re.match(r"crashes|takes|gives", reason):
            findings.contained[f"{suffix}: {reason.partition(';')[0]}"] += 1
        else:
            findings.outcomes["refused"] += 1
    except Exception as error:  # noqa: BLE001 -- what a fuzzer looks for
        findings.wrong[f"{suffix}: {type(error).__name__}: {error}"[:200]] = data


def _changed(data: bytes, chance: random.Random) -> bytes:
    """Return a file with something changed; where it is an archive, most often inside of a part of it."""
    if data.startswith(b"PK") and chance.random() < 0.8:
        try:
            return _changed_part(data, chance)
        except (zipfile.BadZipFile, OSError, ValueError):
            pass
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        data = _changed_once(data, chance)
    return data


def _changed_part(data: bytes, chance: random.Random) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as original, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as copy:
        names = original.namelist()
        chosen = chance.choice(names)
        for name in names:
            part = original.read(name)
            for _ in range(chance.choice((1, 1, 2, 8)) if name == chosen else 0):
                part = _changed_once(part, chance)
            copy.writestr(name, part)
    return packed.getvalue()


def _changed_once(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((1, 2, 8, 64, 1_000)))
    piece = data[start:end]
    kind = chance.randrange(7)
    if kind == 0:
        piece = bytes(byte ^ (1 << chance.randrange(8)) for byte in piece[:1]) + piece[1:]
    elif kind == 1:
        piece = b""
    elif kind == 2:
        piece += piece * chance.choice((1, 10, 500))
    elif kind == 3:
        piece = chance.choice(PIECES) + piece
    elif kind == 4:
        piece = chance.randbytes(len(piece))
    elif kind == 5:
        piece = re.sub(rb"\d", lambda _: b"%d" % chance.randrange(10), piece)
    else:
        return data[:start] if chance.random() < 0.3 else data[end:] + data[:start] if chance.random() < 0.1 else data
    return data[:start] + piece + data[end:]


def files_report(*, seconds: float, seed: int) -> Iterator[str]:
    """Yield what a run on the tests' files found.

    Args:
        seconds: How long.
        seed: Of what is random.

    Yields:
        Counts, then each kind of what went wrong.
    """
    found = fuzz(ROOT / "tests" / "files", seconds=seconds, seed=seed)
    kinds = ", ".join(f"{suffix} {count:,}" for suffix, count in sorted(found.tried.items()))
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in found.outcomes.most_common())
    yield f"{found.tried.total():,} files in {seconds:g} seconds (seed {seed}): {kinds}.\n"
    yield f"{outcomes}; {found.contained.total():,} cost a parser and nothing else; {len(found.wrong)} findings.\n"
    yield "\n".join([*(f"- {count} times {reason}" for reason, count in found.contained.most_common()), ""])
    yield "\n".join([*(f"- finding: {reason}" for reason in found.wrong), ""])
