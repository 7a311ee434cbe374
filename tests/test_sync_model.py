"""Whatever befalls the files of a folder, a library kept in step with them equals one built from them anew.

HYPOTHESIS_PROFILE=explore tries longer stories that nobody has tried.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from rag import Library
from rag.build import Build

EXPLORING = os.environ.get("HYPOTHESIS_PROFILE") == "explore"
LONG_AGO_NS = 1_600_000_000 * 10**9
NAMES = ("a.txt", "b.txt", "c.md", "sub/a.txt", "sub/d.md", "z/e.txt")
TEXTS = (
    "# Pilots of the harbour\n\nThe harbour of Norrwick employs 41 pilots. The pilot station (PS) was moved in 2019.",
    "# Pilots of the harbour\n\nThe harbour of Norrwick employs 43 pilots. The pilot station (PS) was moved in 2021.",
    "# The lighthouse\n\nDate: 2021-11-30\n\nThe lighthouse of Norrwick was built in 1874 by Ada Lindqvist.",
    "# The chapel\n\nThe chapel of Norrwick was built in 1874 by Ada Lindqvist.\n\n## Later\n\nIt was sold in 1990.",
    "# 面包店\n\n磨坊街的面包店早上六点开门。店主名叫林晓梅。",
    "# Long\n\n" + "\n\n".join(f"Barrel {n} of the harbour holds {n + 3} kinds of fish and salt." for n in range(12)),
)  # fmt: skip
QUESTIONS = ("How many pilots does the harbour employ?", "Who built the lighthouse of Norrwick?", "面包店几点开门？")
ENCODERS: dict[str, Any] = {}


class Folder(RuleBasedStateMachine):
    """A folder whose files are written, renamed, copied, touched and deleted, and a library that follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.docs = self.root / "docs"
        self.clock = itertools.count(1)
        self.library = Library.open(self.root / "followed")

    def teardown(self) -> None:
        try:
            if self.files():
                self.in_step()
        finally:
            self.library.close()
            shutil.rmtree(self.root)

    def files(self) -> list[str]:
        return sorted(p.relative_to(self.docs).as_posix() for p in self.docs.rglob("*") if p.is_file())

    @initialize(texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4))
    def begin(self, texts: list[str]) -> None:
        for name, text in zip(NAMES, texts, strict=False):
            self.write(name, text)
        self.library.index(self.docs)

    @rule(name=st.sampled_from(NAMES), text=st.sampled_from(TEXTS))
    def write(self, name: str, text: str) -> None:
        """Add a file, edit one, or give one back a text that it had."""
        path = self.docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.stamp(path)

    @rule(data=st.data(), new=st.sampled_from(NAMES))
    def rename(self, data: st.DataObject, new: str) -> None:
        old = data.draw(st.sampled_from(self.files()))
        (self.docs / new).parent.mkdir(parents=True, exist_ok=True)
        (self.docs / old).replace(self.docs / new)

    @rule(data=st.data(), new=st.sampled_from(NAMES))
    def copy(self, data: st.DataObject, new: str) -> None:
        old = data.draw(st.sampled_from(self.files()))
        if old != new:
            (self.docs / new).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.docs / old, self.docs / new)

    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        self.stamp(self.docs / data.draw(st.sampled_from(self.files())))

    @precondition(lambda self: len(self.files()) > 1)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        (self.docs / data.draw(st.sampled_from(self.files()))).unlink()

    @rule()
    def sync(self) -> None:
        self.library.index(self.docs)

    @rule()
    def interrupt(self) -> None:
        """Cut a run short before what it embedded is published."""

        def progress(stage: str, _done: int, _total: int) -> None:
            if stage == "index":
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            self.library.index(self.docs, progress=progress)

    def in_step(self) -> None:
        """Compare the library with one that is built anew."""
        self.library.index(self.docs)
        with Library.open(self.root / "fresh") as fresh:
            fresh.index(self.docs)
            assert held(self.library) == held(fresh)
            for question in QUESTIONS:
                assert found(self.library, question) == found(fresh, question)
                assert said(self.library, question) == said(fresh, question)

    def stamp(self, path: Path) -> None:
        """Give a file a time that no other write has, long enough ago to be trusted."""
        modified_ns = LONG_AGO_NS + next(self.clock)
        os.utime(path, ns=(modified_ns, modified_ns))


def held(library: Library) -> list[Any]:
    documents = [library.document(d.id) for d in library.documents()]
    passages = sorted(library.passages(), key=lambda p: (p.document_id, p.start_char))
    return [library.documents(), documents, passages]


def found(library: Library, question: str) -> list[Any]:
    return [(h.passage, h.title, h.rank, pytest.approx(h.score), h.also_in) for h in library.search(question)]


def said(library: Library, question: str) -> list[Any]:
    values: list[Any] = []
    for threshold in (None, 0.0):
        answer = library.ask(question, threshold=threshold)
        cited = [(c.number, c.document_id, c.quote, c.highlight, c.also_in, c.stale) for c in answer.citations]
        values += [answer.text, cited, answer.abstained, answer.disagreements, pytest.approx(answer.confidence)]
    return values


@pytest.fixture
def _encoding_each_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a text be encoded by itself and only once, so that nothing depends on what it is encoded together with."""
    load = Build.encoder

    def remembering(build: Build) -> Any:
        return ENCODERS.setdefault("the", Alone(load(build)))

    monkeypatch.setattr(Build, "encoder", remembering)


class Alone:
    """The default encoder, which gives a text the same vectors whatever is encoded beside it."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._known: dict[tuple[str, str], Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode(self, texts: Any, *, kind: Any, threads: int = 1) -> list[Any]:
        for text in texts:
            if (text, kind) not in self._known:
                (self._known[text, kind],) = self._encoder.encode([text], kind=kind, threads=threads)
        return [self._known[text, kind] for text in texts]


@pytest.mark.usefixtures("_encoding_each_text_once")
def test_any_story_of_a_folder_ends_in_what_a_rebuild_gives() -> None:
    examples, steps = (300, 40) if EXPLORING else (10, 12)
    settings = hypothesis.settings(max_examples=examples, stateful_step_count=steps)
    run_state_machine_as_test(Folder, settings=settings)
