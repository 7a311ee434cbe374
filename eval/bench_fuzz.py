"""Libraries whose files are changed at random by somebody who knows how they are vouched for: read, refused or mended.

Each is looked at in a process of its own, with limits on time and memory: nothing may end it, hang it or leave a
traceback, and where what was changed is not vouched for, nothing may be answered but what is sound.
"""

from __future__ import annotations

import hashlib
import json
import random
import resource
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from eval.faulty import grown, in_child, open_small, state, with_words
from rag.folder.manifest import CURRENT, MANIFEST
from rag.location import DATABASE

MOST_S, MOST_BYTES = 60, 4_000_000_000
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, 0.5, float("nan"), float("inf")),
    *("", "x", "\n", "../x", "/etc/passwd", "lexical", "\ud800", "0" * 64, "9" * 300),
    *([], {}, [[]], {"": {}}, [None] * 9),
)


def fuzz(folder: Path, *, seconds: float, seed: int = 0) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Change libraries for so long, and return what came of them, by what was changed, and what was wrong.

    Args:
        folder: Where the libraries are made.
        seconds: How long.
        seed: Of the changes.

    Returns:
        How often each target was ``answered``, ``refused`` or ``mended``; and what was wrong, in words.
    """
    outcomes: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    chance, until = random.Random(seed), time.monotonic() + seconds  # noqa: S311  # not for secrets
    with with_words():
        _, sound = in_child(lambda: _made(folder / "sound"))
        for number in count():
            if time.monotonic() > until:
                return outcomes, wrong
            target = chance.choice(sorted(TARGETS))
            path = folder / f"library-{number}"
            shutil.copytree(folder / "sound", path)
            TARGETS[target](path, chance)
            status, said = in_child(partial(_limited, path))
            outcomes[target, _outcome(status, said, sound)] += 1
            if status or _told_in_lines(said) or (target == "database" and said != sound and not _refused(said)):
                wrong.append(f"{target}, change {number} of seed {seed}: status {status}, {str(said)[-500:]}")
            shutil.rmtree(path, ignore_errors=True)
    return outcomes, wrong


def _made(path: Path) -> str:
    with open_small(path) as library:
        grown(library)
    return state(path)


def _limited(path: Path) -> str:
    signal.alarm(MOST_S)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    return state(path)


def _refused(said: Any) -> bool:
    return isinstance(said, str) and said.startswith(("refused: ", "no documents"))


def _told_in_lines(said: Any) -> bool:
    return not isinstance(said, str) or "\n" in said


def _outcome(status: int, said: Any, sound: str) -> str:
    if status:
        return "wrong"
    return "refused" if _refused(said) else "as before" if said == sound else "otherwise, vouched for"


# -- what is changed --------------------------------------------------------------------------------------------------


def _generation(path: Path) -> Path:
    return max((path / "generations").iterdir())


def _scrambled(data: bytes, chance: random.Random) -> bytes:
    """Return bytes with some changed, cut out, doubled or put in."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0 if changed:
                changed[at % len(changed)] ^= 1 << chance.randrange(8)
            case 1:
                changed[at : at + 8] = chance.choice((b"\xff" * 8, bytes(8), (2**60).to_bytes(8, "little")))
            case 2:
                del changed[at : at + chance.randrange(1, 200)]
            case 3:
                changed[at:at] = changed[: chance.randrange(200)]
            case _:
                changed[at : at + 4] = chance.randbytes(4)
    return bytes(changed)


def _vouch(path: Path, manifest: bytes) -> None:
    (_generation(path) / MANIFEST).write_bytes(manifest)
    (path / CURRENT).write_text(f"{int(_generation(path).name)} {hashlib.sha256(manifest).hexdigest()}\n")


def _change_values(path: Path, chance: random.Random) -> None:
    said = json.loads((_generation(path) / MANIFEST).read_text())
    for _ in range(chance.randint(1, 3)):
        place: Any = said
        while place:
            key = chance.choice(sorted(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], dict | list) or chance.random() < 0.3:
                place[key] = chance.choice(VALUES)
                break
            place = place[key]
    _vouch(path, json.dumps(said).encode("utf-8", "surrogatepass"))


def _change_manifest(path: Path, chance: random.Random) -> None:
    _vouch(path, _scrambled((_generation(path) / MANIFEST).read_bytes(), chance))


def _change_current(path: Path, chance: random.Random) -> None:
    (path / CURRENT).write_bytes(_scrambled((path / CURRENT).read_bytes(), chance))


def _change_database(path: Path, chance: random.Random) -> None:
    (path / DATABASE).write_bytes(_scrambled((path / DATABASE).read_bytes(), chance))


def _change_derived(path: Path, chance: random.Random) -> None:
    """Change a file of the indexes, and vouch for it."""
    said = json.loads((_generation(path) / MANIFEST).read_text())
    name = chance.choice(sorted(said["files"]))
    content = _scrambled((_generation(path) / name).read_bytes(), chance)
    # Not through a link to the generation before.
    (_generation(path) / name).unlink()
    (_generation(path) / name).write_bytes(content)
    said["files"][name] = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    _vouch(path, json.dumps(said).encode())


TARGETS: Mapping[str, Callable[[Path, random.Random], None]] = {
    "values of the manifest": _change_values,
    "bytes of the manifest": _change_manifest,
    "CURRENT": _change_current,
    "database": _change_database,
    "an index, vouched for": _change_derived,
}


def fuzz_report(folder: Path, *, seconds: float = 600.0, seed: int = 0) -> Iterator[str]:
    """Yield a table of what came of changed libraries, and what was wrong."""
    outcomes, wrong = fuzz(folder, seconds=seconds, seed=seed)
    kinds = ("as before", "refused", "otherwise, vouched for", "wrong")
    yield "\n".join(
        [f"| changed | times | {' | '.join(kinds)} |", "|---" * (len(kinds) + 2) + "|"]
        + [
            f"| {t} | {sum(outcomes[t, k] for k in kinds)} | {' | '.join(str(outcomes[t, k]) for k in kinds)} |"
            for t in sorted(TARGETS)
        ]
    )
    yield f"{sum(outcomes.values())} libraries in {seconds:.0f} s, {len(wrong)} wrong."
    if wrong:
        yield "\n".join(f"- {line}" for line in wrong)
