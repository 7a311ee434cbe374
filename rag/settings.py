"""Every setting of the service, read once: flag, then environment, then TOML file, then default; none unknown."""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.parse import urlsplit

from rag.errors import ConfigurationError, LibraryMismatch
from rag.formats.parse_limits import ParseLimits

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
ENVIRONMENT_PREFIX = "RAG_"
# Environment variables that share the prefix but say where things are, not how the service behaves.
PLACES = {"RAG_LIBRARY", "RAG_CACHE", "RAG_CONFIG", "RAG_STATE", "RAG_MILVUS_TOKEN"}
# What a new library is built with unless told otherwise.
NEW_LIBRARY: Mapping[str, Any] = {
    "encoder": DEFAULT_ENCODER,
    "passage_tokens": 200,
    "passage_chars": 900,
    "token_bits": 2,
    # By its encoder.
    "precision": None,
}
# Of libraries from before there were such settings.
EARLIER: Mapping[str, Any] = {"token_bits": 4, "precision": "float32"}
PRECISIONS = ("int8", "float32")
FUSIONS = ("convex", "rrf")
RERANKERS = ("late", "cross", "none")
UNSUPPORTED = ("drop", "mark")
SWITCH = ("on", "off")
# What a value of each type may be, and in words.
NUMBERS: Mapping[type, type] = {int: Integral, float: Real}
RULES: Mapping[type, str] = {int: "a whole number", float: "a number", str: "a text"}
CHOICES = {
    "fusion": FUSIONS,
    "rerank": RERANKERS,
    "precision": PRECISIONS,
    "chat_unsupported": UNSUPPORTED,
    "source_check": SWITCH,
    "serve_log_questions": SWITCH,
    "ocr": SWITCH,
}


@dataclass(frozen=True)
class Settings:
    """Plain values; stages receive values, never this object.

    Attributes:
        encoder: Hub id or local path of a sentence-transformers model; fixed for a library when it is created.
        passage_tokens: Upper bound of a passage in tokens of the encoder, 200 for a new library; fixed likewise.
        passage_chars: Upper bound of a passage in characters, 900 for a new library; fixed likewise.
        token_bits: Bits a component of the token vectors that late interaction compares: 1, 2 or 4; 2 for a new
            library. At 384 dimensions 2 take 98 bytes a token, 14.7 KB a passage of 150; 1 takes 50 bytes, 4 take 194.
            0 keeps none, and each question waits until its candidates are encoded anew. Fixed likewise.
        precision: ``int8`` or ``float32``: precision in which documents and questions are encoded, where ONNX Runtime
            runs the encoder; ``int8`` for a new library with the default encoder, the only one for which it was
            measured, else ``float32``. Fixed likewise.
        leg_k: Passages that each retrieval leg, dense and lexical, contributes.
        fusion: ``convex`` (weighted mean of the legs' normalised scores) or ``rrf`` (reciprocal rank fusion).
        dense_weight: Share in [0, 1] of the dense leg in the fused score; the lexical leg has the rest. A leg whose
            share is 0 is not asked; reciprocal rank fusion makes no other use of it.
        candidates_k: Passages that the reranker sees.
        rerank: ``late`` (late interaction), ``cross`` (a cross-encoder) or ``none``. Only after ``late`` are documents
            moved up that the question or the best passage names by their titles.
        cross_encoder: Hub id or local path of the cross-encoder that ``cross`` needs; used for nothing else.
        nli: Hub id or local path of a cross-encoder with a label ``entailment``, which judges what a chat model says
            where numbers, names and denials agree with the passages; ``None`` for late interaction and shared words.
        recency_days: Age in days, counted from the library's newest document, at which a passage has lost half of what
            its score can lose by age; ``None`` for no preference.
        hits_k: Passages that an answer carries.
        context_k: Passages whose sentences may be the answer.
        answer_sentences: Most sentences in an answer.
        threshold: Confidence in [0, 1] below which an answer abstains; ``None`` for the one that the library was
            calibrated with, else for the shipped one.
        chat_model: Chat model that phrases answers: a name of LangChain's, ``openai:gpt-4o-mini``, ``ollama:llama3.2``
            and so on, or ``gguf:`` and the path of a file; ``None`` for the documents' own words. Keys are read from
            the provider's environment variables, such as ``OPENAI_API_KEY``, and from nowhere else.
        chat_base_url: Address of an OpenAI-compatible server, or of Ollama, that has the chat model; ``None`` for the
            provider's own.
        chat_timeout_s: Seconds that the chat model's part of an answer may take in all, with every retry and check, and
            with making a follow-up stand alone; past them the answer is in the documents' own words.
        chat_tokens: Most tokens of the prompt for an answer, passages included, as the encoder counts them.
        chat_reply_tokens: Most tokens of a reply.
        chat_unsupported: What becomes of sentences that no passage supports: ``drop`` or ``mark``.
        question_chars: Longest question that is accepted.
        file_mb: Size of a file that is indexed, or of one in a zip archive, in millions of bytes. This and the limits
            below refuse a file by name and leave all others alone; `rag.formats.parse_limits` has them.
        parse_timeout_s: Seconds that parsing a file may take.
        parse_memory_mb: Memory that its parser may take for it, in millions of bytes; on Linux.
        parse_chars: Characters of text that may come out of it.
        parse_pages: Pages, slides or sheets it may have.
        parse_depth: How deeply its values may be nested.
        parse_ratio: How many times its size it may expand to, where it is packed.
        archive_depth: How deeply zip archives may lie in each other; 1 for none in another.
        archive_files: Files a zip archive may hold.
        ocr: ``on`` to recognise the letters on pages of a PDF that are pictures, which takes a second a page and the
            extra ``ocr``; files that were indexed before are not read again for it.
        source_check: ``on`` to compare the files that an answer cites with what was indexed, so that it says where they
            have changed; ``off`` where the library is asked on another machine than its files are on.
        sync_folders: Folders on this machine that may be read from the documents page, beside those that the library
            was indexed from and what lies below either; several with ``:`` between them, ``;`` on Windows; ``None`` for
            no others.
        indexing_threads: Threads that embed documents.
        writing_wait_s: Seconds that a command waits for another one that is writing to the library before it gives up.
        serve_askers: Questions that a service answers at the same time.
        serve_queue: Questions that may wait besides; further ones are refused at once, with status 429.
        serve_rate_per_minute: Requests of one token, or of one address without tokens, in a minute; what a page is made
            of is not counted. Further ones are refused with status 429.
        serve_timeout_s: Seconds that a request may take with waiting, uploads excepted, before it is given up with 503.
        serve_body_mb: Size of what a request may send, in millions of bytes.
        serve_upload_mb: Size of what it may send where documents are uploaded, in millions of bytes.
        serve_grace_s: Seconds that answers may still take when a service is told to end; past them they are cancelled.
        serve_log_questions: ``on`` to let a service log the questions it is asked; they tell much about who asks.
    """

    encoder: str | None = None
    passage_tokens: int | None = None
    passage_chars: int | None = None
    token_bits: int | None = None
    precision: str | None = None
    leg_k: int = 100
    fusion: str = "convex"
    dense_weight: float = 0.4
    candidates_k: int = 20
    rerank: str = "late"
    cross_encoder: str | None = None
    nli: str | None = None
    recency_days: float | None = None
    hits_k: int = 10
    context_k: int = 5
    answer_sentences: int = 3
    threshold: float | None = None
    chat_model: str | None = None
    chat_base_url: str | None = None
    chat_timeout_s: float = 30.0
    chat_tokens: int = 1_500
    chat_reply_tokens: int = 300
    chat_unsupported: str = "drop"
    question_chars: int = 4_000
    file_mb: int = ParseLimits.file_mb
    parse_timeout_s: float = ParseLimits.parse_timeout_s
    parse_memory_mb: int = ParseLimits.parse_memory_mb
    parse_chars: int = ParseLimits.parse_chars
    parse_pages: int = ParseLimits.parse_pages
    parse_depth: int = ParseLimits.parse_depth
    parse_ratio: int = ParseLimits.parse_ratio
    archive_depth: int = ParseLimits.archive_depth
    archive_files: int = ParseLimits.archive_files
    ocr: str = ParseLimits.ocr
    source_check: str = "on"
    sync_folders: str | None = None
    indexing_threads: int = os.cpu_count() or 1
    writing_wait_s: float = 0.0
    serve_askers: int = 8
    serve_queue: int = 32
    serve_rate_per_minute: int = 1_200
    serve_timeout_s: float = 120.0
    serve_body_mb: int = 10
    serve_upload_mb: int = 200
    serve_grace_s: float = 20.0
    serve_log_questions: str = "off"

    def __post_init__(self) -> None:
        """Refuse values of another type or out of range.

        Raises:
            ConfigurationError: A value is.
        """
        for name, kind in _kinds().items():
            _check_kind(name, getattr(self, name), kind)
        for name in ("dense_weight", "threshold"):
            value = getattr(self, name)
            _require(value is None or 0.0 <= value <= 1.0, name, value, "a number from 0 to 1")
        for name, least in (("passage_tokens", 16), ("passage_chars", 64), ("parse_memory_mb", 64)):
            value = getattr(self, name)
            _require(value is None or value >= least, name, value, f"a whole number from {least}")
        bits = self.token_bits
        _require(bits in (None, 0, 1, 2, 4), "token_bits", bits, "0, 1, 2 or 4")
        age = self.recency_days
        _require(age is None or 0.0 < age < math.inf, "recency_days", age, "a number above 0")
        for name in ("chat_timeout_s", "parse_timeout_s", "serve_timeout_s"):
            limit = getattr(self, name)
            _require(0.0 < limit < math.inf, name, limit, "a number above 0")
        for name in ("writing_wait_s", "serve_grace_s"):
            wait = getattr(self, name)
            _require(0.0 <= wait < math.inf, name, wait, "a number from 0")
        for name, known in CHOICES.items():
            value = getattr(self, name)
            _require(value is None or value in known, name, value, f"one of {', '.join(known)}")
        _check_address(self.chat_base_url)
        if self.rerank == "cross" and not self.cross_encoder:
            raise ConfigurationError(
                "setting rerank = 'cross' needs a model; set cross_encoder (RAG_CROSS_ENCODER) to a hub id or a path"
            )

    @property
    def parse_limits(self) -> ParseLimits:
        """What reading a file may take."""
        return ParseLimits(**{field.name: getattr(self, field.name) for field in fields(ParseLimits)})

    @classmethod
    def read(cls, toml: Path | None = None, *, environ: Mapping[str, str], overrides: Mapping[str, Any]) -> Settings:
        """Return the settings of a TOML file, overlaid by the environment, overlaid by `overrides`.

        Args:
            toml: A file with one ``key = value`` a setting, or ``None``.
            environ: Environment variables; ``RAG_CANDIDATES_K`` sets ``candidates_k``, and so on.
            overrides: Values of flags; ``None`` means not given.

        Returns:
            The settings, checked.

        Raises:
            ConfigurationError: An unknown key, a value of the wrong type or out of range, or an unreadable file.
        """
        environment, flags = _read_environment(environ), {k: v for k, v in overrides.items() if v is not None}
        values = (_read_toml(toml) if toml else {}) | environment | flags
        try:
            return replace(cls(), **{key: _convert(key, value) for key, value in values.items()})
        except _Unfit as error:
            variable = ENVIRONMENT_PREFIX + error.name.upper()
            origin = "" if error.name in flags else variable if error.name in environment else str(toml or "")
            raise ConfigurationError(error.said(origin)) from error

    def fixed(self, built: Mapping[str, Any], where: Path | str) -> Settings:
        """Return the settings with those that a library is built with filled in: from the library, else by default.

        Args:
            built: Values the library was built with, by setting; empty for a new one.
            where: The library's folder or address.

        Returns:
            The settings, none of them open.

        Raises:
            LibraryMismatch: Another value was asked for than the library at `where` was built with.
        """
        for name, value in built.items():
            asked = getattr(self, name)
            if asked is not None and asked != value:
                raise LibraryMismatch(
                    f"the library {where} was built with {name} {value!r}, not {asked!r}; "
                    f"leave that setting out, or index into a new library: rag --library NEW index PATH"
                )
        asked_for = {name: getattr(self, name) for name in NEW_LIBRARY}
        chosen = {name: value for name, value in asked_for.items() if value is not None}
        values = {**NEW_LIBRARY, **chosen, **built}
        if values["precision"] is None:
            values["precision"] = "int8" if values["encoder"] == DEFAULT_ENCODER else "float32"
        return replace(self, **values)


def _check_address(address: str | None) -> None:
    """Refuse an address that is none, or holds a password, which is then not repeated."""
    if address is None:
        return
    try:
        parts = urlsplit(address)
        sound, secret = parts.scheme in ("http", "https") and bool(parts.hostname), "@" in parts.netloc
    except ValueError:
        sound, secret = False, "@" in address
    if secret or "?" in address:
        raise ConfigurationError(
            "setting chat_base_url holds a password or key; keys belong into the provider's environment variable, "
            "for example OPENAI_API_KEY"
        )
    _require(sound, "chat_base_url", address, "an address such as http://localhost:8080/v1")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            f"cannot read the settings file {path}: {error}; mend it or unset RAG_CONFIG"
        ) from error


def _read_environment(environ: Mapping[str, str]) -> dict[str, str]:
    names = {f.name for f in fields(Settings)}
    found = {k: v for k, v in environ.items() if k.startswith(ENVIRONMENT_PREFIX) and k not in PLACES}
    unknown = [k for k in found if k.removeprefix(ENVIRONMENT_PREFIX).lower() not in names]
    if unknown:
        known = {ENVIRONMENT_PREFIX + name.upper() for name in names} | PLACES
        raise ConfigurationError(f"unknown environment variable {unknown[0]}; {_suggested(unknown[0], known)}")
    return {k.removeprefix(ENVIRONMENT_PREFIX).lower(): v for k, v in found.items()}


def _suggested(name: str, known: Iterable[str]) -> str:
    """Return the name that may have been meant, else all there are."""
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"


@cache
def _kinds() -> Mapping[str, type]:
    """Return the type of each setting; an optional one, `str | None`, has its first type."""
    return {name: next(iter(get_args(kind)), kind) for name, kind in get_type_hints(Settings).items()}


@cache
def _optional() -> frozenset[str]:
    """Return the settings that may be ``None``."""
    return frozenset(name for name, kind in get_type_hints(Settings).items() if get_args(kind))


def _check_kind(name: str, value: Any, kind: type) -> None:
    """Refuse a value of another type than its setting has, and a count below 1."""
    if value is None and name in _optional():
        return
    _require(isinstance(value, NUMBERS.get(kind, kind)) and not isinstance(value, bool), name, value, RULES[kind])
    if kind is int and name != "token_bits":
        _require(value >= 1, name, value, "a whole number from 1")


def _convert(key: str, value: Any) -> Any:
    kinds = _kinds()
    if key not in kinds:
        raise ConfigurationError(f"unknown setting {key!r}; {_suggested(key, kinds)}")
    try:
        converted = kinds[key](value)
        # TOML has types of its own: 2.5 or true is no count, 5 is no name.
        sound = isinstance(value, str) or (converted == value and not isinstance(value, bool))
    except (TypeError, ValueError, OverflowError):
        sound = False
    _require(sound, key, value, RULES[kinds[key]])
    return converted


class _Unfit(ConfigurationError):
    """The value of a setting is of another type, or out of range."""

    def __init__(self, name: str, value: Any, rule: str) -> None:
        self.name, self._value, self._rule = name, value, rule
        super().__init__(self.said())

    def said(self, origin: str = "") -> str:
        """Return what is wrong, and where the value came from."""
        return f"setting {self.name} = {self._value!r}{origin and f', from {origin}'}; it has to be {self._rule}"


def _require(condition: bool, name: str, value: Any, rule: str) -> None:
    if not condition:
        raise _Unfit(name, value, rule)
