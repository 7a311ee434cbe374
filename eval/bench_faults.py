"""What a library is after its process was killed, its disk full or its disk broken, at every point of every operation.

Compiles the shim that counts and fails, runs `eval.faulty` under it and counts what came of it; knows no library.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SHIM = Path(__file__).with_name("faults.c")
MODES = ("kill", "torn", "full", "broken")
OPERATIONS = ("first", "add", "update", "delete", "compaction", "rebuild")
SAID = {
    "kill": "killed before it",
    "torn": "killed there, a write halfway through",
    "full": "disk full from there on",
    "broken": "input/output error there",
}


@dataclass
class Outcome:
    """What one operation came to in one mode.

    Attributes:
        points: Points that were tried.
        before: After which the library was as before.
        after: After which it was as afterwards.
        faults: What was wrong, in words.
    """

    points: int = 0
    before: int = 0
    after: int = 0
    faults: list[str] = field(default_factory=list)


def compiler() -> str | None:
    """Return what compiles C here, ``None`` if nothing does, or if nothing can be preloaded."""
    if not sys.platform.startswith("linux"):
        return None
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def compile_shim(folder: Path) -> Path:
    """Return the compiled shim.

    Args:
        folder: Where it is put.

    Returns:
        Its file.

    Raises:
        ChildProcessError: It cannot be compiled.
    """
    made = folder / "faults.so"
    command = [str(compiler()), "-shared", "-fPIC", "-O1", "-o", str(made), str(SHIM), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ChildProcessError(f"{SHIM.name} cannot be compiled: {done.stderr[-300:]}")
    return made


def trials(
    folder: Path,
    *,
    operations: Collection[str] = OPERATIONS,
    modes: Collection[str] = MODES,
    step: int = 1,
    kept: Path | None = None,
) -> Iterator[dict[str, object]]:
    """Yield what `eval.faulty` prints: for each operation its points by kind, and then each point.

    Args:
        folder: Where libraries are made; best in memory.
        operations: Names of operations.
        modes: Ways of failing.
        step: From one point to the next that is tried; 1 for all.
        kept: File of what was printed, which a run that was cut short leaves to the next; none where it is not kept.

    Yields:
        What it prints, or has printed before.

    Raises:
        ChildProcessError: It ended with an error.
    """
    environ = os.environ | {"LD_PRELOAD": str(compile_shim(folder)), "OMP_NUM_THREADS": "1"}
    arguments = [str(folder), ",".join(modes), ",".join(operations), str(step)]
    kept = kept or folder / "faults.jsonl"
    before = kept.read_text() if kept.exists() else ""
    # Without the last line where that was cut short too.
    kept.write_text(whole := before[: before.rfind("\n") + 1])
    yield from map(json.loads, whole.splitlines())
    command = [sys.executable, "-m", "eval.faulty", *arguments, str(kept)]
    with kept.open("a") as file, subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603
        for line in child.stdout or ():
            # Flushed line by line: a run that is cut short has tried what is there.
            file.write(line)
            file.flush()
            yield json.loads(line)
    if child.returncode:
        raise ChildProcessError(f"eval.faulty ended with {child.returncode}")


def count(lines: Iterator[dict[str, object]]) -> tuple[dict[str, dict[str, int]], dict[tuple[str, str], Outcome]]:
    """Return points by kind of each operation, and what each operation came to in each mode."""
    kinds: dict[str, dict[str, int]] = {}
    outcomes: dict[tuple[str, str], Outcome] = {}
    for line in lines:
        operation = str(line["operation"])
        if "counts" in line:
            kinds[operation] = dict(line["counts"])  # type: ignore[call-overload]
            continue
        outcome = outcomes.setdefault((operation, str(line["mode"])), Outcome())
        outcome.points += 1
        outcome.before += line["left"] == "before"
        outcome.after += line["left"] == "after"
        outcome.faults += [f"point {line['point']}: {fault}" for fault in line["faults"]]  # type: ignore[attr-defined]
    return kinds, outcomes


def faults_report(folder: Path, *, step: int = 1, kept: Path | None = None) -> Iterator[str]:
    """Yield tables of points, of what they came to, and whatever was wrong; arguments as for `trials`."""
    kinds, outcomes = count(trials(folder, step=step, kept=kept))
    names = list(next(iter(kinds.values())))
    yield "\n".join(
        [f"| operation | {' | '.join(names)} | all |", "|---" * (len(names) + 2) + "|"]
        + [f"| {o} | {' | '.join(str(k[n]) for n in names)} | {sum(k.values())} |" for o, k in kinds.items()]
    )
    rows = ["| failing | operation | points tried | as before | as after | wrong |", "|---|---|---|---|---|---|"]
    total: Counter[str] = Counter()
    for (operation, mode), found in outcomes.items():
        rows.append(
            f"| {SAID[mode]} | {operation} | {found.points} | {found.before} | {found.after} | {len(found.faults)} |"
        )
        total.update(points=found.points, faults=len(found.faults))
    yield "\n".join([*rows, f"| all | | {total['points']} | | | {total['faults']} |"])
    wrong = [f"- {o}, {SAID[m]}, {fault}" for (o, m), found in outcomes.items() for fault in found.faults]
    if wrong:
        yield "\n".join(wrong)
