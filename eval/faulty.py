"""Does one thing to a small library while its files fail at a chosen point, and tells what is left afterwards.

Run under `eval.faults`' preloaded shim, a process a run and a fork a point; a made-up encoder stands in for the model,
because what is tried is what is written, not what it means.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import traceback
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import embeddings.encoder
import rag.folder.derived
from embeddings.encoding import Encoding, Kind, unit
from rag import Document, Library, RagError, Settings
from rag.doctor import examine_library
from rag.folder.snapshot import in_folder

KINDS = ("write", "fsync", "rename", "unlink", "create", "truncate")
COUNT, KILL, TORN, FULL, BROKEN = range(5)
MODES = {"kill": KILL, "torn": TORN, "full": FULL, "broken": BROKEN}
KILLED = 137
# So small that what has left stays in the indexes, as it does in a library of thousands.
WHOLE_UP_TO = 4
# Of so many points after one the operation is done once more, which has to succeed.
AGAIN = 4
QUERIES = ("harbour pilots", "the mill of barrel number7", "number3", "lighthouse lamp")
QUESTION = "How many pilots does the harbour of Norrwick employ?"


class WordEncoder:
    """Vectors made of words alone, the same everywhere and at once."""

    id, digest, dim, max_tokens = "made-up/words", "0" * 64, 32, 256

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many words each text has."""
        return [len(_words(text)) for text in texts]

    def count_unknown(self, texts: Sequence[str]) -> list[int]:
        """Return that every word is known."""
        return [0] * len(texts)

    def encode(self, texts: Sequence[str], *, kind: Kind, threads: int = 1) -> list[Encoding]:
        """Return each text as the sum of its words' vectors."""
        return [self._encode(text) for text in texts]

    def _encode(self, text: str) -> Encoding:
        found = _words(text)
        rows = np.array([_vector(m.group()) for m in found] or [_vector("")], np.float32)
        spans = np.array([m.span() for m in found] or [(0, 0)], np.int32)
        return Encoding(unit(rows.sum(axis=0)), rows, spans)


def _words(text: str) -> list[re.Match[str]]:
    return list(re.finditer(r"\w+", text))[: WordEncoder.max_tokens]


def _vector(word: str) -> Any:
    random = np.random.default_rng(zlib.crc32(word.lower().encode()))
    return unit(random.standard_normal(WordEncoder.dim).astype(np.float32))


def barrel(number: int, words: str = "") -> Document:
    """Return a short document that differs from others by its number."""
    text = f"The barrel number{number} stands in the mill of Norrwick. {words}It holds {number + 40} litres of oil."
    return Document(id=f"barrel-{number}.md", title=f"Barrel {number}", text=text, date="2024-03-01", language="en")


HARBOUR = Document(
    id="harbour.md",
    title="Pilots of Norrwick harbour",
    date="2023-05-02",
    language="en",
    metadata={"kind": "report"},
    text="The harbour of Norrwick employs 41 pilots. They brought 6,200 ships into the port in 2022.\n\n"
    "The World Health Organization (WHO) inspected the pilot station in March 2019.",
)


def grown(library: Library, *, last: bool = True) -> None:
    """Make a library whose newest generation has two vector indexes and a passage that has left.

    Args:
        library: An empty library.
        last: Whether the last commit is made, which removes the passage.
    """
    library.add([HARBOUR, *map(barrel, range(12))])
    library.add([barrel(12)])
    if last:
        library.remove(["barrel-5.md"])


@contextmanager
def with_words() -> Iterator[None]:
    """Let libraries be encoded by `WordEncoder`, and be small to what builds indexes anew."""
    before = embeddings.encoder.load_encoder, rag.folder.derived.WHOLE_UP_TO
    embeddings.encoder.load_encoder, rag.folder.derived.WHOLE_UP_TO = (lambda *_, **__: WordEncoder()), WHOLE_UP_TO
    try:
        yield
    finally:
        embeddings.encoder.load_encoder, rag.folder.derived.WHOLE_UP_TO = before


def open_small(path: Path) -> Library:
    """Open a library, making it where there is none."""
    return Library.open(path, settings=Settings(indexing_threads=1))


@dataclass(frozen=True)
class Operation:
    """One thing that is done to a library.

    Attributes:
        run: Does it.
        fresh: Whether it is the first thing that is done to it.
    """

    run: Callable[[Library], object]
    fresh: bool = False


def _compact(library: Library) -> None:
    # More than a fifth has left then: everything is built anew.
    library.remove([f"barrel-{n}.md" for n in range(3)])


OPERATIONS = {
    "first": Operation(lambda library: library.add([HARBOUR, barrel(1)]), fresh=True),
    "add": Operation(lambda library: library.add([barrel(20), barrel(21)])),
    "update": Operation(lambda library: library.add([barrel(3, "It is new. ")])),
    "delete": Operation(lambda library: library.remove(["barrel-7.md"])),
    "compaction": Operation(_compact),
    "rebuild": Operation(lambda library: library.rebuild()),
}


def look(library: Library) -> str:
    """Return a digest of all that readers see: documents, passages, their vectors, hits and an answer."""
    seen: list[Any] = []
    snapshot = in_folder(library._snapshot())
    for summary in library.documents():
        seen.append([asdict(summary), asdict(library.document(summary.id)), summary.passages])
    store, revision = snapshot.store, snapshot.revision
    keys = store.passage_keys(revision=revision)
    packed = store.tokens(keys.tolist())
    seen.append(store.vectors(keys, dim=WordEncoder.dim).tobytes().hex())
    for stored in store.passages_of(revision=revision):
        tokens, starts = packed[stored.key]
        seen.append([asdict(stored.passage), tokens.hex(), starts.tolist()])
    if snapshot.generation.manifest.passages:
        for query in QUERIES:
            # In an index from which something left a term counts as a little more common than in one built anew.
            seen.append([[h.passage.document_id, h.passage.start_char] for h in library.search(query, 5)])
        answer = library.ask(QUESTION)
        seen.append([answer.text, answer.abstained, [asdict(c) | {"score": 0} for c in answer.citations]])
    return hashlib.sha256(json.dumps(seen, sort_keys=True, default=str).encode()).hexdigest()


def state(path: Path) -> str:
    """Return what `look` says of the library at a path, or why it cannot be opened."""
    try:
        with open_small(path) as library:
            return look(library)
    except RagError as error:
        return "no documents" if "holds no documents" in str(error) else f"refused: {error}"


def unhealthy(path: Path) -> list[str]:
    """Return what the doctor has to say against a library."""
    found = [f for f in examine_library(path) if not f.healthy]
    return [f"{f.subject}: {f.message}" for f in found if "holds no documents" not in f.message]


def in_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Return the exit status of a forked process, and what its work returned."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 0
        try:
            os.write(writer, json.dumps(work()).encode())
        except BaseException:  # noqa: BLE001  # told to the parent: a fork must not go on with its parent's work
            status = 1
            os.write(writer, json.dumps(traceback.format_exc()).encode())
        os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), json.loads(said) if said else None


class Shim:
    """The preloaded library that counts and fails."""

    def __init__(self) -> None:
        """Find it among what is loaded."""
        self._shim = ctypes.CDLL(None)
        self._shim.fault_count.restype = ctypes.c_long

    def arm(self, folder: Path, point: int, mode: int) -> None:
        """Count from now on what is done below a folder, and fail at a point."""
        self._shim.fault_arm(os.fsencode(folder), ctypes.c_long(point), mode)

    def disarm(self) -> None:
        """Stop that."""
        self._shim.fault_disarm()

    def counts(self) -> list[int]:
        """Return how much was done, by kind."""
        return [self._shim.fault_count(kind) for kind in range(len(KINDS))]


@dataclass(frozen=True)
class Trial:
    """One operation and the library that it is done to.

    Attributes:
        name: Of the operation.
        base: The library before, closed.
        work: Where it is done to a copy.
        before: What readers see before.
        after: What they see after.
    """

    name: str
    base: Path
    work: Path
    before: str
    after: str

    def run(self, shim: Shim, mode: str, point: int) -> dict[str, Any]:
        """Fail at one point, and tell what came of it: an empty list of faults where all is as it should be."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.base, self.work)
        status, said = in_child(lambda: self._failing(shim, mode, point))
        faults = []
        if mode in ("kill", "torn"):
            if status != KILLED:
                faults.append(f"not killed: status {status}, {said}")
        elif status:
            faults.append(str(said))
        else:
            faults += self._judged(said)
        _, (left, sick, again) = in_child(lambda: self._looked_at(once_more=point % AGAIN == 0))
        if left not in (self.before, self.after):
            faults.append(f"left in another state: {left}")
        faults += sick
        if again != self.after:
            faults.append(f"done once more: {again}")
        outcome = "before" if left == self.before else "after"
        return {"operation": self.name, "mode": mode, "point": point, "left": outcome, "faults": faults, "said": said}

    def _failing(self, shim: Shim, mode: str, point: int) -> dict[str, Any]:
        with open_small(self.work) as library:
            # Readers have a generation open, as in a process that serves.
            before = state_of(library) if mode in ("full", "broken") else ""
            shim.arm(self.work, point, MODES[mode])
            error = _error(lambda: OPERATIONS[self.name].run(library))
            # Still on a full disk.
            served = state_of(library)
            shim.disarm()
            return {"before": before, "error": error, "served": served}

    def _judged(self, said: dict[str, Any]) -> Iterator[str]:
        error = said["error"]
        if error and not error.startswith("one line: "):
            yield f"not one line: {error}"
        # Where nothing was ever published there is nothing to go on serving.
        new = self.before == "no documents" and "make room" in said["served"]
        if said["served"] not in (self.before, self.after) and not new:
            yield f"serves another state: {said['served']}"
        if not error and said["served"] != self.after:
            yield "says that it is done, and is not"

    def _looked_at(self, *, once_more: bool) -> tuple[str, list[str], str]:
        left, sick = state(self.work), unhealthy(self.work)
        if not once_more:
            return left, sick, self.after
        with open_small(self.work) as library:
            error = _error(lambda: OPERATIONS[self.name].run(library))
            return left, sick, error or look(library)


def state_of(library: Library) -> str:
    """Return what `look` says of an open library, or the error."""
    try:
        return look(library)
    except RagError as error:
        return "no documents" if "holds no documents" in str(error) else f"refused: {error}"


def _error(work: Callable[[], object]) -> str:
    """Return what a piece of work raises, nothing if nothing; a caller meets a `RagError` of one line or an OSError."""
    try:
        work()
    except (RagError, OSError) as error:
        kind = "one line" if "\n" not in str(error) and isinstance(error, RagError) else type(error).__name__
        return f"{kind}: {error}"
    except BaseException:  # noqa: BLE001  # what is no error a caller should meet is what is looked for
        return traceback.format_exc()
    return ""


def prepared(name: str, folder: Path) -> Trial:
    """Return a trial with its library, and what readers see before and after."""
    base, work = folder / f"base-{name}", folder / "library"
    operation = OPERATIONS[name]
    if not operation.fresh:
        with open_small(base) as library:
            grown(library)
    else:
        open_small(base).close()
    _, before = in_child(lambda: state(base))
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work)

    def done() -> str:
        with open_small(work) as library:
            operation.run(library)
        return state(work)

    _, after = in_child(done)
    return Trial(name, base, work, before, after)


def points_of(trial: Trial, shim: Shim) -> list[int]:
    """Return how many points an operation has, by kind."""
    shutil.rmtree(trial.work, ignore_errors=True)
    shutil.copytree(trial.base, trial.work)

    def counted() -> list[int]:
        with open_small(trial.work) as library:
            state_of(library)
            shim.arm(trial.work, 0, COUNT)
            OPERATIONS[trial.name].run(library)
            counts = shim.counts()
            shim.disarm()
            return counts

    status, counts = in_child(counted)
    if status:
        raise RuntimeError(counts)
    return list(counts)


def tried(path: Path) -> set[tuple[str, str, int]]:
    """Return operation, mode and point of the lines that were printed to a file."""
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return {(line["operation"], line["mode"], line["point"]) for line in lines if "point" in line}


def main(arguments: list[str]) -> int:
    """Print a JSON line for every operation and then for every point.

    Args:
        arguments: Folder to work in, modes, operations (both with commas between), the step from point to point, and,
            where there is one, a file of lines printed before, whose points are passed over.

    Returns:
        0.
    """
    folder, modes, names, step = Path(arguments[0]), arguments[1].split(","), arguments[2].split(","), arguments[3]
    shim, done = Shim(), tried(Path(arguments[4])) if len(arguments) > 4 else set()
    with with_words():
        for name in names:
            trial = prepared(name, folder)
            counts = points_of(trial, shim)
            print(json.dumps({"operation": name, "counts": dict(zip(KINDS, counts, strict=True))}), flush=True)
            for mode in modes:
                for point in range(1, sum(counts) + 1, int(step)):
                    if (name, mode, point) in done:
                        continue
                    print(json.dumps(trial.run(shim, mode, point)), flush=True)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main(sys.argv[1:]))
