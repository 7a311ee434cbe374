"""Gold sets that a library can be evaluated on without a file being sent; knows no page."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import GoldError, LibraryEmpty, RagError

if TYPE_CHECKING:
    from eval.questions import GoldSet
    from rag.library import Library

# Where the chat page keeps what readers say of answers, below a library's folder.
FEEDBACK = "feedback/feedback.jsonl"


def gold_at_hand(library: Library) -> Mapping[str, Path]:
    """Return the gold sets that go with a library.

    Args:
        library: The library.

    Returns:
        Their files, as far as they are there: ``seeds``, the one on the seed documents, where the library holds these;
        ``feedback``, what readers said of answers; ``calibrated_on``, what the library was last calibrated on.
    """
    found = {}
    seeds = Path(str(files("eval").joinpath("gold.jsonl")))
    if _holds_its_documents(library, seeds):
        found["seeds"] = seeds
    if (feedback := library.path / FEEDBACK).is_file():
        found["feedback"] = feedback
    calibration = _calibrated_on(library)
    if calibration and calibration.is_file() and calibration not in found.values():
        found["calibrated_on"] = calibration
    return found


def read_at_hand(library: Library, key: str) -> GoldSet:
    """Return one of the gold sets that go with a library.

    Args:
        library: The library.
        key: Its key in what `gold_at_hand` returns.

    Returns:
        The gold set.

    Raises:
        GoldError: It is not there, or cannot be used.
    """
    from eval.gold import read_gold

    path = gold_at_hand(library).get(key)
    if path is None:
        raise GoldError("this gold set is no longer there; load the page again")
    return read_gold(path)


def _calibrated_on(library: Library) -> Path | None:
    try:
        calibration = library.calibration
    except RagError:  # one that cannot be read is said to be where it is applied
        return None
    return Path(calibration.gold_path) if calibration and calibration.gold_path else None


def _holds_its_documents(library: Library, gold: Path) -> bool:
    from eval.gold import read_gold

    try:
        wanted = {one for question in read_gold(gold).questions for one in question.document_ids}
        return wanted <= {summary.id for summary in library.documents()}
    except (GoldError, LibraryEmpty):
        return False
