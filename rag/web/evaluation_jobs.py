"""Evaluations that run aside, one at a time: begun, followed, given up, and what came of them; know no requests."""

from __future__ import annotations

import re
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rag.errors import GoldError, RagError
from rag.web import evaluation_shelf as shelf
from rag.web.discreet import without_folders

if TYPE_CHECKING:
    from eval.judge import Outcome
    from eval.questions import GoldSet
    from rag.library import Library

Status = Literal["running", "done", "failed", "cancelled"]
STAGE = "asking"
PREFIX = "leadgoose-gold-"
# What is shown of a result.
PARTS = ("answers", "retrieval", "abstention")
KEPT = ("gold", "total", "seconds", "begun_s", "result")


class EvaluationRunning(RagError):
    """An evaluation is under way, and there is one at a time."""


@dataclass
class Evaluation:
    """One evaluation.

    Attributes:
        id: Names it.
        library: Name of the library that is asked.
        gold: Name of the gold set.
        status: How far it is.
        stage: What is being done.
        done: Questions asked.
        total: Questions to ask.
        seconds: Wall time so far, or in all.
        error: Why it failed, or ``""``.
        result: What came of it, as ``rag eval --json`` prints it.
        rows: What came of each question; nothing of one that an earlier service ran.
        begun_s: When it was begun, in seconds since the epoch.
        folder: That of the library, where the report is kept; ``None`` while there is none.
        unkept: The report, where it could not be kept.
    """

    id: str
    library: str
    gold: str
    status: Status = "running"
    stage: str = STAGE
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    error: str = ""
    result: dict[str, Any] | None = None
    rows: tuple[Outcome, ...] = ()
    begun_s: float = 0.0
    folder: Path | None = None
    unkept: str | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values, without the report."""
        names = ("id", "library", "gold", "status", "stage", "done", "total", "seconds", "error", "result")
        return {name: getattr(self, name) for name in names}

    @property
    def has_report(self) -> bool:
        """Whether there is a report."""
        return self.unkept is not None or self.folder is not None

    def report(self) -> str | None:
        """Return what came of it as an HTML page; ``None`` where there is none, or it was deleted."""
        return shelf.report(self.folder, self.id) if self.folder else self.unkept


class _Cancelled(Exception):
    """Whoever began it wants no more of it."""


class Evaluations:
    """The evaluations of one service; safe to share between threads."""

    def __init__(self, folders: Callable[[], Mapping[str, Path]] = dict) -> None:
        """Begin with those that earlier services kept.

        Args:
            folders: Returns the folders of all libraries by name.
        """
        self._folders = folders
        self._lock = threading.Lock()
        self._known: dict[str, Evaluation] = {}
        self._read: set[str] = set()

    def start(
        self, library: Library, name: str, gold: GoldSet, *, threshold: float | None = None, limit: int | None = None
    ) -> Evaluation:
        """Begin to ask a library the questions of a gold set.

        Args:
            library: The library.
            name: Its name.
            gold: The questions, on its documents.
            threshold: Confidence below which it abstains; ``None`` for its own.
            limit: How many questions to ask, spread evenly over the set; ``None`` for all.

        Returns:
            The evaluation, under way.

        Raises:
            EvaluationRunning: Another one is.
        """
        begun = Evaluation(uuid.uuid4().hex[:12], name, gold.name, total=min(limit or 10**9, len(gold.questions)))
        begun.begun_s = time.time()
        self._read_kept()
        with self._lock:
            if running := next((e for e in self._known.values() if e.status == "running"), None):
                raise EvaluationRunning(
                    f"the evaluation {running.id} is under way, and there is one at a time; wait for it, or cancel it"
                )
            self._known[begun.id] = begun
            for old in [e.id for e in self._known.values() if e.library == name][: -shelf.MOST_KEPT]:
                del self._known[old]

        def work(evaluation: Evaluation) -> None:
            _evaluate(evaluation, library, gold, threshold=threshold, limit=limit)

        threading.Thread(target=_run, args=(begun, work), name="rag-evaluation", daemon=True).start()
        return begun

    def all(self) -> list[Evaluation]:
        """Return those that are known, newest first."""
        self._read_kept()
        with self._lock:
            return sorted(self._known.values(), key=lambda evaluation: evaluation.begun_s, reverse=True)

    def get(self, evaluation_id: str) -> Evaluation | None:
        """Return one of them; ``None`` where it is not known."""
        self._read_kept()
        return self._known.get(evaluation_id)

    def close(self) -> None:
        """Give up what is under way."""
        with self._lock:
            for evaluation in self._known.values():
                evaluation.cancelled.set()

    def _read_kept(self) -> None:
        """Read what is kept of libraries that were not seen before, and forget those that are gone."""
        folders = self._folders()
        with self._lock:
            for name in self._read - folders.keys():
                self._known = {i: e for i, e in self._known.items() if e.library != name}
            new = folders.keys() - self._read
            self._read = set(folders)
            for name in new:
                for evaluation_id, values in shelf.kept(folders[name]).items():
                    found = _kept(evaluation_id, name, folders[name], values)
                    self._known.setdefault(evaluation_id, found)


def read_gold_set(name: str, content: bytes) -> GoldSet:
    """Return the gold set in a file that was sent.

    Args:
        name: The file's name.
        content: Its content: one question a line.

    Returns:
        The gold set.

    Raises:
        GoldError: It cannot be used; the message names the row.
    """
    from eval.gold import read_gold

    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            return read_gold(path)
        except GoldError as error:
            raise GoldError(_named(str(error))) from None


def _named(message: str) -> str:
    """Return a message that names a gold set as it was sent, not where it lay."""
    return re.sub(rf"[^\s'\"]*{PREFIX}[^/\\]+[/\\]", "", message)


def _run(evaluation: Evaluation, work: Callable[[Evaluation], None]) -> None:
    start_s = time.monotonic()
    try:
        work(evaluation)
        evaluation.status = "done"
    except _Cancelled:
        evaluation.status = "cancelled"
    except RagError as error:
        evaluation.error = _named(without_folders(str(error)))
        evaluation.status = "failed"
    except BaseException as error:
        evaluation.error = f"internal error ({type(error).__name__}); the server's log says more"
        evaluation.status = "failed"
        raise
    finally:
        evaluation.seconds = time.monotonic() - start_s


def _evaluate(
    evaluation: Evaluation, library: Library, gold: GoldSet, *, threshold: float | None, limit: int | None
) -> None:
    from eval.document import document
    from eval.evaluate import evaluate
    from eval.examples import examples
    from eval.report import render
    from eval.resolve import Corpus

    start_s = time.monotonic()

    def progress(stage: str, done: int, total: int) -> None:
        evaluation.stage, evaluation.done, evaluation.total = stage, done, total
        evaluation.seconds = time.monotonic() - start_s
        if evaluation.cancelled.is_set():
            raise _Cancelled

    library.warm_up()
    report = evaluate(gold, library, threshold=threshold, limit=limit, progress=progress)
    evaluation.stage = "summing up"
    values = document({"default": report})
    titles = {summary.id: summary.title for summary in library.documents()}
    page = render(values, examples(report.rows, Corpus(library), titles=titles))
    evaluation.rows, evaluation.result = report.rows, values
    evaluation.seconds = time.monotonic() - start_s
    if shelf.put(library.path, evaluation.id, _to_keep(evaluation), page):
        evaluation.folder = library.path
    else:
        evaluation.unkept = page


def _to_keep(evaluation: Evaluation) -> dict[str, Any]:
    return {name: getattr(evaluation, name) for name in KEPT}


def _kept(evaluation_id: str, name: str, folder: Path, values: Mapping[str, Any]) -> Evaluation:
    """Return an evaluation as it was kept, by whomever."""
    result = values.get("result")
    if not isinstance(result, dict) or not all(isinstance(result.get(part) or {}, dict) for part in PARTS):
        result = {}
    found = Evaluation(evaluation_id, name, str(values.get("gold", "")), status="done")
    found.result = result
    found.total = found.done = int(_number(values.get("total")))
    found.seconds, found.begun_s = _number(values.get("seconds")), _number(values.get("begun_s"))
    found.folder = folder
    return found


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 10**12 else 0.0
