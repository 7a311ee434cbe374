"""Every file of a library changed by a bit, cut, emptied, removed or made longer: what is told, and what is answered.

Asks as `eval.faulty` does, with the same small library and made-up encoder.
"""

from __future__ import annotations

import logging
import random
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

from eval.faulty import grown, open_small, state, with_words
from rag.doctor import examine_library
from rag.folder.snapshot import in_folder
from rag.location import DATABASE

TIMES = 20
# Bits of the database, of which most hold nothing.
BITS = 200
OUTCOMES = ("refused", "mended", "told", "doctor", "nothing", "older", "wrong")
# Counted beside its outcome, of the database: whether the library is as before once the doctor has looked at it.
WHOLE = "whole"
SAID = {
    "refused": "refused in one line",
    "mended": "mended, and told",
    "told": "answers as before, told when opened",
    "doctor": "answers as before, told by rag doctor",
    "nothing": "answers as before, nothing told",
    "older": "goes back to the commit before, and told",
    "wrong": "answered otherwise, or no such line",
}


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


KINDS: Mapping[str, Callable[[bytes, random.Random], bytes | None]] = {
    "bit flipped": _flip,
    "truncated": lambda data, chance: data[: chance.randrange(1, len(data))],
    "emptied": lambda _data, _chance: b"",
    "removed": lambda _data, _chance: None,
    "extended": lambda data, chance: data + chance.randbytes(chance.randrange(1, 5000)),
}


class Heard(logging.Handler):
    """What was logged."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())


def judged(path: Path, *, sound: str, older: str) -> str:
    """Return what came of a damaged library, one of `OUTCOMES`.

    Args:
        path: The library.
        sound: What it said of itself before.
        older: What it said one commit earlier.

    Returns:
        The outcome.
    """
    heard = Heard()
    logging.getLogger("rag").addHandler(heard)
    try:
        said = state(path)
        told = [f.message for f in examine_library(path) if not f.healthy or "rebuilt" in f.message]
    finally:
        logging.getLogger("rag").removeHandler(heard)
    return _outcome(path, said, heard.lines, told, sound=sound, older=older)


def _outcome(path: Path, said: str, heard: Sequence[str], told: Sequence[str], *, sound: str, older: str) -> str:
    named = [line for line in heard if str(path) in line]
    if said.startswith("refused: "):
        # Once the index alone was damaged, the doctor has mended it meanwhile.
        return "refused" if str(path) in said and "\n" not in said else "wrong"
    if said != sound:
        return "older" if said == older and named else "wrong"
    if named:
        return "mended" if any("rebuilding" in line for line in named) else "told"
    return "doctor" if told else "nothing"


def files_of(path: Path) -> list[str]:
    """Return the files of a library that something is read from, as paths in its folder."""
    newest = max((path / "generations").iterdir())
    files = [p for p in sorted(newest.rglob("*")) if p.is_file() and p.stat().st_size]
    others = [path / name for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-pages", "CURRENT")]
    return [p.relative_to(path).as_posix() for p in [*others, *files] if p.exists()]


def damage_counts(
    folder: Path,
    *,
    times: int = TIMES,
    log: bool = False,
    seed: int = 0,
    files: Collection[str] = (),
    kinds: Collection[str] = tuple(KINDS),
) -> dict[tuple[str, str], Counter[str]]:
    """Damage every file of a library in every way and count what comes of it, by kind of file and way.

    Args:
        folder: Where the libraries are made.
        times: How often each.
        log: Whether the database's last commits are still in its log, as when its process was killed.
        seed: Of the places.
        files: The files that are damaged; all of them if none is named.
        kinds: Ways in which they are.

    Returns:
        How often each outcome came, and how often the database was whole after the doctor.
    """
    with with_words():
        sound_path, number = folder / "sound", count()
        older, sound = _prepared(sound_path, log=log)
        counts: dict[tuple[str, str], Counter[str]] = {}
        chance = random.Random(seed)  # noqa: S311  # not for secrets
        for name in files_of(sound_path):
            if (log and name != f"{DATABASE}-wal") or (files and name not in files):
                continue
            for kind in kinds:
                for _ in range(times):
                    # A place of its own: tantivy's threads may still be at the one before.
                    work = folder / f"library-{next(number)}"
                    shutil.copytree(sound_path, work)
                    changed = KINDS[kind]((work / name).read_bytes(), chance)
                    (work / name).unlink()
                    if changed is not None:
                        (work / name).write_bytes(changed)
                    found = counts.setdefault((_group(name), kind), Counter())
                    found[judged(work, sound=sound, older=older)] += 1
                    if name == DATABASE and state(work) == sound:
                        found[WHOLE] += all(f.healthy for f in examine_library(work))
                    shutil.rmtree(work, ignore_errors=True)
        return counts


def _group(name: str) -> str:
    if name.startswith("generations/"):
        inner = name.split("/", 2)[2]
        return "lexical index" if inner.startswith("lexical/") else "vector index" if "vectors" in inner else inner
    return name


def _prepared(path: Path, *, log: bool) -> tuple[str, str]:
    """Make a library and return what it says one commit before its last and after it."""
    live = path.with_name("live")
    with open_small(live) as library:
        grown(library, last=False)
        older = state(live)
        if log:
            # Everything before is in the file, what follows in the log.
            in_folder(library._snapshot()).store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        library.remove(["barrel-5.md"])
        sound = state(live)
        if log:
            shutil.copytree(live, path)
            (path / f"{DATABASE}-shm").unlink(missing_ok=True)
    if not log:
        shutil.copytree(live, path)
    return older, sound


def damage_report(folder: Path, *, times: int = TIMES) -> Iterator[str]:
    """Yield a table of what came of damaged files."""
    counts = (
        damage_counts(folder / "closed", times=times)
        | damage_counts(folder / "killed", times=times, log=True)
        | damage_counts(folder / "bits", times=BITS, files=[DATABASE], kinds=["bit flipped"], seed=1)
    )
    said = [*(SAID[o] for o in OUTCOMES), "database whole after rag doctor"]
    yield "\n".join(
        [f"| file | damage | times | {' | '.join(said)} |", "|---" * (3 + len(said)) + "|"]
        + [
            f"| {name} | {kind} | {sum(found[o] for o in OUTCOMES)} | "
            f"{' | '.join(str(found[o]) for o in (*OUTCOMES, WHOLE))} |"
            for (name, kind), found in counts.items()
        ]
    )
