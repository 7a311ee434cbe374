"""Looks at a library, the models and the installed packages, mends derived indexes, and says how to mend the rest."""

from __future__ import annotations

import platform
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rag.address import MilvusAddress, read_address
from rag.build import precision_of
from rag.calibration import Calibration
from rag.errors import LibraryDamaged, LibraryError, LibraryNotFound, RagError, UnreadableSource
from rag.folder.page_care import put_back_closed
from rag.formats.parser import PARSER
from rag.library import DATABASE, Library
from rag.settings import Settings
from rag.sources import DEFAULT_LIMITS

# A model that is only loaded when it is first asked may take this long.
CHAT_TIMEOUT_S, CHAT_TOKENS = 20.0, 8
# Documents that are named in one line.
NAMED = 5
RESTORE = "restore a backup: rag restore BACKUP, or index into a new library: rag --library NEW index PATH"
PACKAGES = (
    "faiss-cpu",
    "gradio",
    "langchain-core",
    "onnxruntime",
    "pypdfium2",
    "sentence-transformers",
    "tantivy",
    "tokenizers",
    "xberg",
)


MILVUS_PACKAGES = ("pymilvus", "milvus-lite")


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        subject: What was looked at.
        healthy: Whether it is as it should be, if need be after mending.
        message: What was found, what was done, and what to do next, in one line.
    """

    subject: str
    healthy: bool
    message: str


# Returns in one line how the gold set of a calibration has changed since, ``None`` when it has not.
ChangedGold = Callable[[Calibration], str | None]


def examine(
    path: str | Path | None, *, encoder: str | None = None, changed_gold: ChangedGold = lambda _: None
) -> list[Finding]:
    """Look at everything and return what was found; derived indexes that are damaged are rebuilt.

    Args:
        path: Address of the library; ``None`` for the default one.
        encoder: Model to try, where it is not the library's own.
        changed_gold: Compares gold sets, which only the evaluation can read.

    Returns:
        One finding for everything looked at.
    """
    place = read_address(path)
    if isinstance(place, MilvusAddress):
        findings = [*_versions(), _parser(), *examine_milvus(place, changed_gold)]
    else:
        findings = [*_versions(), _parser(), *examine_library(place, changed_gold)]
    settings = _settings(place)
    # Another model is tried as a new library would run it.
    tried = Settings(encoder=encoder).fixed({}, str(place)) if encoder or not settings else settings
    findings.append(_encoder(tried))
    if settings and settings.rerank == "cross":
        findings.append(_cross_encoder(str(settings.cross_encoder)))
    if settings and settings.nli:
        findings.append(_entailment(settings.nli))
    if settings and settings.chat_model:
        findings.append(_chat_model(settings))
    # SQLite and the encoder's libraries report in several lines.
    return [replace(f, message=" ".join(f.message.splitlines())) for f in findings]


def _versions() -> Iterator[Finding]:
    yield Finding("python", True, platform.python_version())
    for package in PACKAGES:
        try:
            yield Finding(package, True, version(package))
        except PackageNotFoundError:
            yield Finding(package, False, f"is not installed; run: pip install {package}")


def _parser() -> Finding:
    try:
        PARSER.parse(b"<p>a page</p>", ".html", DEFAULT_LIMITS)
    except UnreadableSource as error:
        return Finding("parser", False, f"a sound page {error}")
    return Finding("parser", True, "reads files in a process of its own")


def examine_library(folder: Path, changed_gold: ChangedGold = lambda _: None) -> Iterator[Finding]:
    """Look at a library alone.

    Args:
        folder: Its folder.
        changed_gold: As for `examine`.

    Yields:
        One finding for everything looked at.
    """
    try:
        with Library.open(folder, create=False) as library:
            pages = library.page_care()
            pages.put_back()
            yield (structure := _database(library, folder / DATABASE))
            yield (rows := _rows(library))
            yield Finding("pages", *pages.conclude(sound=structure.healthy and rows.healthy))
            yield _indexes(library)
            yield _calibration(library, changed_gold)
    except LibraryNotFound as error:
        yield Finding("library", False, str(error))
    except RagError as error:
        if mended := put_back_closed(folder):
            yield Finding("pages", True, mended)
            yield from examine_library(folder, changed_gold)
            return
        yield Finding("database", False, str(error).replace("; run: rag doctor", f"; {RESTORE}"))


def examine_milvus(place: MilvusAddress, changed_gold: ChangedGold = lambda _: None) -> Iterator[Finding]:
    """Look at a library in Milvus, which looks after its own files: it answers, and holds what it says.

    Args:
        place: Where it is.
        changed_gold: As for `examine`.

    Yields:
        One finding for everything looked at.
    """
    for package in MILVUS_PACKAGES if place.is_file else MILVUS_PACKAGES[:1]:
        try:
            yield Finding(package, True, version(package))
        except PackageNotFoundError:
            yield Finding(package, False, 'is not installed; run: pip install "leadgoose[milvus]"')
    try:
        with Library.open(str(place), create=False) as library:
            held = sum(1 for _ in library.passages())
            said = library.statistics()["passages"]
            lacking = "" if held == said else f"; {said - held} passages are missing: index its documents again"
            yield Finding("library", held == said, f"{place} answers; {_size(library)}{lacking}")
            yield _calibration(library, changed_gold)
    except RagError as error:
        yield Finding("library", False, str(error))


def _database(library: Library, database: Path) -> Finding:
    healthy, found = _integrity(database)
    # As SQLite says that an index lacks a row, or has others than its table.
    if healthy or "index" not in found:
        return Finding("database", healthy, found)
    try:
        library.mend_database()
    except LibraryError:
        return Finding("database", healthy, found)
    healthy, now = _integrity(database)
    if not healthy:
        return Finding("database", healthy, now)
    fault = found.split("(", 1)[-1].rsplit(")", 1)[0]
    return Finding("database", True, f"{database}: {fault}: its own indexes were made anew from its rows")


def _integrity(database: Path) -> tuple[bool, str]:
    # Looked at first: a commit meanwhile only adds to what the file says of itself.
    size_bytes = database.stat().st_size
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    try:
        faults = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
        (pages,), (page_bytes,) = (connection.execute(f"PRAGMA page_{what}").fetchone() for what in ("count", "size"))
        if size_bytes > pages * page_bytes:
            faults = [*(f for f in faults if f != "ok"), f"{size_bytes - pages * page_bytes} bytes follow its end"]
    except sqlite3.DatabaseError as error:
        faults = [str(error)]
    finally:
        connection.close()
    if faults == ["ok"]:
        return True, f"{database} is sound"
    return False, f"{database} is damaged ({'; '.join(faults)}); restore it from a copy: rag restore BACKUP"


def _rows(library: Library) -> Finding:
    try:
        damage = library.find_damage()
    except LibraryError as error:
        return Finding("rows", False, str(error))
    parts = []
    if damage.documents:
        named = ", ".join(repr(i) for i in list(damage.documents)[:NAMED])
        more = f" and {len(damage.documents) - NAMED} more" if len(damage.documents) > NAMED else ""
        parts.append(
            f"documents that are not what was written: {named}{more}; index what they were made from again, which "
            f"embeds only those: rag add {shlex.quote(next(iter(damage.documents.values())) or 'PATH')}"
        )
    if damage.settings:
        parts.append(f"settings that are not what was written: {', '.join(damage.settings)}; {RESTORE}")
    if damage.lost:
        parts.append(f"{damage.lost} rows that belong to no document; {RESTORE}")
    return Finding("rows", not parts, "; ".join(parts) or "every row is what was written")


def _indexes(library: Library) -> Finding:
    try:
        library.verify()
    except LibraryDamaged as damage:
        return _mended(library, damage)
    except LibraryError as error:
        return Finding("indexes", False, str(error))
    return Finding("indexes", True, _size(library))


def _mended(library: Library, damage: LibraryDamaged) -> Finding:
    found = str(damage).removesuffix("; run: rag doctor")
    try:
        library.rebuild()
    except (LibraryError, OSError) as error:
        failed = str(error).removesuffix("; run: rag doctor")
        return Finding("indexes", False, f"{found}; rebuilding failed: {failed}")
    return Finding("indexes", True, f"{found}: rebuilt from the database, nothing embedded again; {_size(library)}")


def _size(library: Library) -> str:
    numbers = library.statistics()
    recall = numbers["recall"]
    found = "" if recall is None else f"; the vector index finds {recall:.1%} of the exact neighbours"
    return (
        f"generation {numbers['generation']}: {numbers['documents']} documents, {numbers['passages']} passages{found}"
    )


def _calibration(library: Library, changed_gold: ChangedGold) -> Finding:
    if fault := library.calibration_fault:
        return Finding("calibration", False, fault)
    calibration = library.calibration
    if calibration is None:
        return Finding("calibration", True, f"none, threshold {library.threshold:.3f}; to fit one: rag calibrate GOLD")
    if change := changed_gold(calibration):
        return Finding("calibration", False, change)
    found = (
        f"of {calibration.made} on {calibration.gold_name}, {calibration.questions} questions: threshold "
        f"{calibration.threshold:.3f} for at most {calibration.risk:g} wrong answers"
    )
    set_otherwise = library.threshold != calibration.threshold
    return Finding("calibration", True, f"{found}; set instead: {library.threshold:g}" if set_otherwise else found)


def _encoder(settings: Settings) -> Finding:
    from embeddings.encoder import load_encoder
    from embeddings.errors import EncoderError

    try:
        encoder = load_encoder(str(settings.encoder), precision=precision_of(settings))
        encoder.encode(["Is anybody there?"], kind="query")
    except EncoderError as error:
        return Finding("encoder", False, str(error))
    return Finding("encoder", True, f"{encoder.id}, {encoder.dim} dimensions, reads {encoder.max_tokens} tokens")


def _cross_encoder(model: str) -> Finding:
    from embeddings.cross_encoder import load_cross_encoder
    from embeddings.errors import EncoderError

    try:
        encoder = load_cross_encoder(model)
        encoder.score("Is anybody there?", ["Here."])
    except EncoderError as error:
        return Finding("cross-encoder", False, str(error))
    return Finding("cross-encoder", True, f"{encoder.id}, weights {encoder.digest[:12]}")


def _entailment(model: str) -> Finding:
    from embeddings.entailment import Entailment
    from embeddings.errors import EncoderError

    try:
        judge = Entailment(model)
        judge.probabilities(["Somebody is here."], "Nobody is here.")
    except EncoderError as error:
        return Finding("entailment", False, str(error))
    return Finding("entailment", True, f"{judge.id}, weights {judge.digest[:12]}")


def _chat_model(settings: Settings) -> Finding:
    from rag.phrasing.chat import Chat, probe

    chat = Chat(
        str(settings.chat_model), base_url=settings.chat_base_url, timeout_s=CHAT_TIMEOUT_S, reply_tokens=CHAT_TOKENS
    )
    fault, seconds = probe(chat)
    if fault:
        return Finding("chat model", False, f"{chat.id} {fault}; questions are answered without it")
    return Finding("chat model", True, f"{chat.id} answers, the first time after {seconds:.1f} s")


def _settings(place: Path | MilvusAddress) -> Settings | None:
    try:
        with Library.open(str(place), create=False) as library:
            return library.settings
    except RagError:
        return None
