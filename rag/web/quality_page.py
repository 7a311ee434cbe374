"""The quality page: what stands on it and what its events do; knows no metric, no formula and no HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from rag.errors import AccessError, GoldError
from rag.web.access import Role, check_page, page_caller
from rag.web.acting_page import ActingPage, Parts, lay_out
from rag.web.collections import DEFAULT
from rag.web.documents_html import notice_html
from rag.web.evaluation_jobs import Evaluation, Evaluations
from rag.web.gold_at_hand import gold_at_hand, read_at_hand
from rag.web.quality_html import Choice, Offer, head_html, job_html, list_html, report_html, run_html, threshold_html
from rag.web.quality_words import WORDS
from rag.web.thresholds import STEPS, curve, judged, keep_threshold, line_of

if TYPE_CHECKING:
    from rag.library import Library
    from rag.web.collections import Collections

MOST_LIMIT = 1_000_000


def quality_page(collections: Collections, evaluations: Evaluations) -> gr.Blocks:
    """Return the quality page.

    Args:
        collections: The libraries that are measured.
        evaluations: Runs the evaluations, one at a time.

    Returns:
        The page, to be rendered into one that is served.
    """
    return lay_out(_Quality(collections, evaluations), DEFAULT, key="qual", scripts=["documents.js", "quality.js"])


@dataclass(frozen=True)
class _Quality(ActingPage):
    """What happens on the page's events; holds nothing of a session."""

    parts = ("library", "head", "run", "job", "notice", "list", "report", "threshold", "timer")
    fields = ("act", "library", "gold", "limit", "id", "threshold")
    language_words = WORDS

    collections: Collections
    evaluations: Evaluations

    def progress(self, name: str, request: gr.Request) -> Parts:
        """Return how far the evaluation is; once it has ended, what came of it."""
        return self._job(name, request, ended=True)

    # -- what can be asked for: each checks who asks -------------------------------------------------------------------

    def _do_refresh(self, name: str, request: gr.Request, _: Mapping[str, Any]) -> Parts:
        return self._job(name, request) | self._found(name, request)

    def _do_library(self, _: str, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        return self.whole(str(wish.get("library", "")), request)

    def _do_evaluate(self, name: str, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        library = self._library(name, request, Role.WRITE)
        gold = read_at_hand(library, str(wish.get("gold", "")))
        self.evaluations.start(library, name, gold, limit=_limit(wish.get("limit")))
        return self._job(name, request) | self._found(name, request)

    def _do_cancel(self, name: str, request: gr.Request, _: Mapping[str, Any]) -> Parts:
        self._library(name, request, Role.WRITE)
        if running := self._running(name):
            running.cancelled.set()
        return self._job(name, request)

    def _do_report(self, name: str, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        self._library(name, request, Role.READ)
        return {"report": report_html(self._evaluation(name, wish), self.words(request))}

    def _do_close(self, _name: str, _request: gr.Request, _wish: Mapping[str, Any]) -> Parts:
        return {"report": ""}

    def _do_keep(self, name: str, request: gr.Request, wish: Mapping[str, Any]) -> Parts:
        from eval.calibrate import wilson

        library, words = self._library(name, request, Role.ADMIN), self.words(request)
        one = self._evaluation(name, wish)
        threshold = _step(wish.get("threshold")) / STEPS
        gold = (one.result or {})["gold"] | self._path(library, one)
        chosen = keep_threshold(library, one.rows, then=_then(one), threshold=threshold, gold=gold)
        low, high = wilson(chosen.wrong, chosen.answered)
        figures = {
            "risk": _percent(chosen.wrong / chosen.answered),
            "risk_interval": f"{_percent(low)} – {_percent(high)}",
        }
        figures |= {"coverage": _percent(chosen.coverage), "gold": one.gold, "threshold": f"{library.threshold:.3f}"}
        said = notice_html(words["kept"].format(**figures))
        return self._found(name, request) | {"notice": said}

    def _do_reset(self, name: str, request: gr.Request, _: Mapping[str, Any]) -> Parts:
        library, words = self._library(name, request, Role.ADMIN), self.words(request)
        library.calibrate(None)
        said = notice_html(words["was_reset"].format(threshold=f"{library.threshold:.3f}"))
        return self._found(name, request) | {"notice": said}

    # -- what is shown -------------------------------------------------------------------------------------------------

    def _library(self, name: str, request: gr.Request, role: Role) -> Library:
        check_page(request, role, name)
        return self.collections.library(name)

    def whole(self, name: str, request: gr.Request) -> Parts:
        """Return the whole page."""
        caller, words = page_caller(request), self.words(request)
        names = [one for one in self.collections.names() if caller.may(Role.READ, one)]
        if not names:
            raise AccessError("this token may read no library")
        name = name if name in names else names[0]
        library = self._library(name, request, Role.READ)
        gold = {key: words[key].format(name=path.name) for key, path in gold_at_hand(library).items()}
        offer = Offer(names, caller.may(Role.WRITE, name), caller.may(Role.ADMIN, name), gold)
        shown = {"library": name, "head": head_html(name, offer, words), "run": run_html(name, offer, words)}
        return shown | {"report": ""} | self._job(name, request) | self._found(name, request)

    def _job(self, name: str, request: gr.Request, *, ended: bool = False) -> Parts:
        self._library(name, request, Role.READ)
        running = self._running(name)
        write = page_caller(request).may(Role.WRITE, name)
        shown = {
            "job": job_html(running, self.words(request), write=write),
            "timer": gr.Timer(active=running is not None),
        }
        return shown | self._found(name, request) if ended and running is None else shown

    def _found(self, name: str, request: gr.Request) -> Parts:
        library, words = self._library(name, request, Role.READ), self.words(request)
        known = self._of(name)
        choice = next((_choice(library, one) for one in known if one.rows), None)
        admin = page_caller(request).may(Role.ADMIN, name)
        return {"list": list_html(known, words), "threshold": threshold_html(choice, words, admin=admin)}

    def _of(self, name: str) -> Sequence[Evaluation]:
        return [one for one in self.evaluations.all() if one.library == name]

    def _running(self, name: str) -> Evaluation | None:
        return next((one for one in self._of(name) if one.status == "running"), None)

    def _evaluation(self, name: str, wish: Mapping[str, Any]) -> Evaluation:
        found = next((one for one in self._of(name) if one.id == wish.get("id") and one.status == "done"), None)
        if found is None:
            raise GoldError("this evaluation is no longer kept; run it again")
        return found

    def _path(self, library: Library, one: Evaluation) -> Mapping[str, str]:
        """Return where the gold set of an evaluation is, if it is one at hand and has not changed."""
        for key, path in gold_at_hand(library).items():
            if path.stem == one.gold and read_at_hand(library, key).digest == (one.result or {})["gold"]["digest"]:
                return {"path": str(path.absolute())}
        return {}


def _choice(library: Library, one: Evaluation) -> Choice | None:
    now = line_of(library.calibration)
    questions = judged(one.rows, then=_then(one), now=now)
    return Choice(one, curve(questions), library.threshold, library.settings.threshold) if questions else None


def _then(one: Evaluation) -> Any:
    return line_of(((one.result or {}).get("system") or {}).get("calibration"))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _limit(value: Any) -> int | None:
    try:
        return min(max(int(value), 1), MOST_LIMIT)
    except (TypeError, ValueError):
        return None


def _step(value: Any) -> int:
    try:
        return min(max(int(value), 0), STEPS)
    except (TypeError, ValueError):
        raise GoldError("move the slider to the threshold to be kept") from None
