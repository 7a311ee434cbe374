"""Processes that write to one library by turns, read it meanwhile, or are killed while they write.

Uses the small library and made-up encoder of `eval.faulty`, each process its own.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from eval.faulty import QUERIES, barrel, grown, in_child, open_small, unhealthy, with_words
from rag import Library, Settings

WAIT_S = 600.0


def write_by_turns(path: Path, *, writers: int, rounds: int) -> int:
    """Let processes add a document each, round after round, and return how many they added in all.

    Args:
        path: A new library.
        writers: Number of processes.
        rounds: Commits of each.

    Returns:
        Documents that they say they added.

    Raises:
        ChildProcessError: One of them failed.
    """
    children = [_started(path, "write", str(writer), str(rounds)) for writer in range(1, writers + 1)]
    added = 0
    for child in children:
        said, _ = child.communicate()
        if child.returncode:
            raise ChildProcessError(f"a writer ended with {child.returncode}")
        added += sum(json.loads(said))
    return added


def _started(path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "eval.bench_writers", str(path), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603


@dataclass
class Seen:
    """What readers saw.

    Attributes:
        questions: Searches in all.
        mixed: Those that saw neither one state nor the other.
        states: Numbers of states that were seen.
        seconds: Time of each search.
    """

    questions: int = 0
    mixed: int = 0
    states: int = 0
    seconds: list[float] = field(default_factory=list)


def read_during(path: Path, *, readers: int, rounds: int) -> Seen:
    """Search from many threads while another process adds pairs of documents that belong together.

    Args:
        path: A new library.
        readers: Number of threads.
        rounds: Commits of the writer; 0 for readers alone, for some seconds.

    Returns:
        What they saw: a state has both documents of each pair, or neither.
    """
    with with_words(), open_small(path) as library:
        grown(library)
        library.search(QUERIES[0])
        writer = _started(path, "pairs", str(rounds)) if rounds else None
        until = time.monotonic() + 5.0

        def going() -> bool:
            return writer.poll() is None if writer else time.monotonic() < until

        def read(number: int) -> Seen:
            own, states = Seen(), set()
            while going():
                start = time.perf_counter()
                library.search(QUERIES[number % len(QUERIES)])
                own.seconds.append(time.perf_counter() - start)
                ids = [d.id for d in library.documents() if d.id.startswith("barrel-9") and len(d.id) > 11]
                own.questions += 1
                own.mixed += len(ids) % 2
                states.add(len(ids))
            own.states = len(states)
            return own

        with ThreadPoolExecutor(readers) as pool:
            found = list(pool.map(read, range(readers)))
        if writer:
            writer.communicate()
    return Seen(
        sum(f.questions for f in found),
        sum(f.mixed for f in found),
        max(f.states for f in found),
        [s for f in found for s in f.seconds],
    )


@dataclass
class Killed:
    """What came of a library whose writer was killed again and again.

    Attributes:
        kills: How often it was killed; where it had done its work by then, it was not.
        committed: How often the commit turned out to be made.
        faults: What was wrong, in words.
    """

    kills: int = 0
    committed: int = 0
    faults: list[str] = field(default_factory=list)


def kill_at_random(path: Path, *, kills: int, seed: int = 0) -> Killed:
    """Kill the writer of one growing library at random moments, and look at the library after each.

    Args:
        path: A new library.
        kills: How often.
        seed: Of the moments.

    Returns:
        What came of it.

    Raises:
        ChildProcessError: The process that does so failed.
    """
    child = _started(path, "kills", str(kills), str(seed))
    said, _ = child.communicate()
    if child.returncode:
        raise ChildProcessError(f"killing writers ended with {child.returncode}")
    return Killed(**json.loads(said))


def _kill(path: Path, *, kills: int, seed: int) -> Killed:
    """Do so, in a process without threads, whose forks write and look."""
    chance, outcome = random.Random(seed), Killed()  # noqa: S311  # not for secrets
    _, before = in_child(lambda: _grown(path))
    usual_s, pending = 0.2, set[str]()
    first = 10_000 + 1_000 * seed
    for number in range(first, first + kills):
        new = f"barrel-{number}.md"
        start = time.monotonic()
        ended = _killed_after(partial(_add, path, number), chance.uniform(0.0, 1.5 * usual_s))
        # Half of the kills fall into a commit, on a busy machine too.
        usual_s = 0.8 * usual_s + 0.2 * (time.monotonic() - start) if ended else 1.1 * usual_s
        pending.add(new)
        outcome.kills += not ended
        status, seen = in_child(partial(_seen, path, new))
        if status:
            outcome.faults.append(f"{new}: {seen}")
            continue
        after, faults = set(seen[0]), seen[1]
        # What was complete in the database when the writer died is shown by the next commit.
        if not set(before) <= after <= set(before) | pending:
            faults.append(f"left {sorted(after ^ set(before))}")
        outcome.committed += new in after
        outcome.faults += [f"{new}: {fault}" for fault in faults]
        before, pending = sorted(after), pending - after
    return outcome


def _grown(path: Path) -> list[str]:
    with open_small(path) as library:
        grown(library)
        return [d.id for d in library.documents()]


def _add(path: Path, number: int) -> int:
    with open_small(path) as library:
        return library.add([barrel(number)]).added


def _killed_after(work: Callable[[], object], seconds: float) -> bool:
    """Do some work in a fork that is killed after a time, and tell whether it was done by then."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _seen(path: Path, new: str) -> tuple[list[str], list[str]]:
    """Return the documents of a library, and what is wrong with it."""
    faults = []
    with open_small(path) as library:
        ids = [d.id for d in library.documents()]
        hits = {h.passage.document_id for h in library.search(f"barrel number{new[7:-3]}", 5)}
        if (new in hits) != (new in ids):
            faults.append("listed and not found, or found and not listed")
        library.verify()
    return ids, faults + unhealthy(path)


def writers_report(folder: Path, *, rounds: int = 50, readers: int = 10, kills: int = 200) -> Iterator[str]:
    """Yield lines of what came of writers by turns, readers meanwhile, and killed writers."""
    added = write_by_turns(folder / "turns", writers=2, rounds=rounds)
    with with_words(), open_small(folder / "turns") as library:
        there = len(library.documents())
    yield f"Two writers, {rounds} rounds each: {added} documents added, {there} there, {2 * rounds - there} lost."
    alone = read_during(folder / "alone", readers=readers, rounds=0)
    during = read_during(folder / "during", readers=readers, rounds=20)
    idle, busy = (np.percentile(s.seconds, [50, 99]) * 1000 for s in (alone, during))
    yield (
        f"{readers} readers at once: alone p50 {idle[0]:.1f} and p99 {idle[1]:.1f} ms ({alone.questions} searches); "
        f"while another process commits without pause {busy[0]:.1f} and {busy[1]:.1f} ms ({during.questions} searches, "
        f"p99 {busy[1] / idle[1]:.2f} times); {during.mixed} saw anything but one state, {during.states} states seen."
    )
    killed = kill_at_random(folder / "killed", kills=kills)
    yield (
        f"{killed.kills} SIGKILLs at random moments on one growing library: {killed.committed} commits turned out "
        f"to be made, {len(killed.faults)} faults."
    )
    if killed.faults:
        yield "\n".join(f"- {fault}" for fault in killed.faults)


def main(arguments: list[str]) -> int:
    """Write to a library as one of the processes above.

    Args:
        arguments: Path of the library, what to do, and its numbers.

    Returns:
        0.
    """
    path, what, *numbers = arguments
    if what == "kills":
        with with_words():
            print(json.dumps(asdict(_kill(Path(path), kills=int(numbers[0]), seed=int(numbers[1])))))
        return 0
    with with_words(), Library.open(path, settings=Settings(indexing_threads=1, writing_wait_s=WAIT_S)) as library:
        if what == "write":
            writer, rounds = map(int, numbers)
            print(json.dumps([library.add([barrel(writer * 1000 + n)]).added for n in range(rounds)]))
        else:
            for n in range(int(numbers[0])):
                library.add([barrel(9000 + 2 * n), barrel(9001 + 2 * n)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
