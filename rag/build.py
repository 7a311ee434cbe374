"""What a library is built with, and what has to go with that: settings, models, a calibration.

Knows nothing of documents, generations and questions.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rag.calibration import Calibration
from rag.confidence import CONFIDENCE_VERSION
from rag.errors import LibraryDamaged, LibraryMismatch, ModelError
from rag.library_store import LibraryStore
from rag.settings import EARLIER, NEW_LIBRARY, Settings
from rag.stored import REVISION

if TYPE_CHECKING:
    from embeddings.cross_encoder import CrossEncoder
    from embeddings.encoder import Encoder, Precision
    from embeddings.entailment import Entailment

# Name under which the store keeps what the library was built with.
BUILD = "build"
# What every library has been built with from the first version on.
KINDS = {"encoder": str, "encoder_digest": str, "dim": int, "passage_tokens": int, "passage_chars": int}


class Build:
    """What one library is built with; safe to share between threads.

    Attributes:
        values: Encoder id and weight digest, dimension, whether vectors are normalised, splitter settings, bits
            of token vectors, and precision; empty before the library's first commit.
        settings: The settings asked for, those that a library is built with filled in.
    """

    values: Mapping[str, Any]
    settings: Settings

    def __init__(self, address: str, store: LibraryStore, asked: Settings) -> None:
        """Read what the library was built with.

        Args:
            address: The library's folder or address.
            store: Its store.
            asked: The settings asked for.

        Raises:
            LibraryMismatch: It was built with another encoder or other passage sizes than asked for.
        """
        self._address = address
        self._store = store
        self._asked = asked
        self._lock = threading.Lock()
        self._cross_encoder: CrossEncoder | None = None
        self._entailment: Entailment | None = None
        self._read()

    def _read(self) -> None:
        kept = self._store.settings()
        values = _checked(kept.get(BUILD), self._store) if kept.get(REVISION) else {}
        # May refuse them; then nothing is taken over, so that whoever tries again is refused again.
        self.settings = self._asked.fixed(_fixed_by(values), self._address)
        self.values = values
        self._encoder: Encoder | None = None

    def catch_up(self) -> None:
        """Take over what another process built the library with since it was opened, where it was new then.

        Raises:
            LibraryMismatch: That is another encoder or other passage sizes than asked for.
        """
        if not self.values:
            self._read()

    def begin(self, encoder: Encoder) -> dict[str, Any]:
        """Return what a new library is to be built with; it is bound to that by its first publication alone.

        Args:
            encoder: Its encoder.

        Returns:
            What `bind` takes once the first revision is complete.
        """
        build = {
            "encoder": encoder.id,
            "encoder_digest": encoder.digest,
            "dim": encoder.dim,
            "normalised": True,
            "passage_tokens": self.settings.passage_tokens,
            "passage_chars": self.settings.passage_chars,
            "token_bits": self.settings.token_bits,
            "precision": self.settings.precision,
        }
        if self._store.settings().get(BUILD) != build:
            # What a run that was cut short embedded with other settings does not go with these.
            with self._store.transaction():
                self._store.discard_staged(revision=1)
            self._store.put_settings({BUILD: build})
        return build

    def bind(self, values: Mapping[str, Any], *, revision: int) -> None:
        """Note that a revision, built with these values, is complete."""
        self._store.put_settings({REVISION: revision})
        self.values = values

    def kept(self) -> dict[str, Any]:
        """Return what the store says that the library was built with; empty before its first commit.

        Returns:
            Values as `values` has them.

        Raises:
            LibraryDamaged: It says something else.
        """
        return dict(self.values) or _checked(self._store.setting(BUILD) or {}, self._store)

    def revision(self) -> int:
        """Return the newest complete revision of the store; 0 for none."""
        return int(self._store.setting(REVISION) or 0)

    def encoder(self) -> Encoder:
        """Return the library's encoder, loaded when it is first asked for.

        Returns:
            The encoder.

        Raises:
            ModelError: It cannot be loaded.
            LibraryMismatch: Its weights are not those the library was built with.
        """
        from embeddings.encoder import load_encoder
        from embeddings.errors import EncoderError

        with self._lock:
            self.catch_up()
            if self._encoder is None:
                try:
                    self._encoder = load_encoder(str(self.settings.encoder), precision=precision_of(self.settings))
                except EncoderError as error:
                    raise ModelError(str(error)) from error
                self._check_weights(self._encoder)
            return self._encoder

    def cross_encoder(self) -> CrossEncoder | None:
        """Return the cross-encoder of the settings, loaded when it is first asked for.

        Returns:
            The cross-encoder, ``None`` where another reranker is set.

        Raises:
            ModelError: It cannot be loaded.
        """
        if self.settings.rerank != "cross":
            return None
        from embeddings.cross_encoder import load_cross_encoder
        from embeddings.errors import EncoderError

        with self._lock:
            if self._cross_encoder is None:
                try:
                    self._cross_encoder = load_cross_encoder(str(self.settings.cross_encoder))
                except EncoderError as error:
                    raise ModelError(str(error)) from error
            return self._cross_encoder

    def entailment(self) -> Entailment | None:
        """Return the model of entailment of the settings, loaded when it is first asked for.

        Returns:
            The model, ``None`` where none is set, or no chat model whose claims it would judge.

        Raises:
            ModelError: It cannot be loaded.
        """
        if self.settings.nli is None or self.settings.chat_model is None:
            return None
        from embeddings.entailment import Entailment
        from embeddings.errors import EncoderError

        with self._lock:
            if self._entailment is None:
                try:
                    self._entailment = Entailment(self.settings.nli)
                except EncoderError as error:
                    raise ModelError(str(error)) from error
            return self._entailment

    def _check_weights(self, encoder: Encoder) -> None:
        if self.values and (encoder.digest, encoder.dim) != (self.values["encoder_digest"], self.values["dim"]):
            raise LibraryMismatch(
                f"the weights of {encoder.id} ({encoder.digest[:12]}) are not those the library {self._address} was "
                f"built with ({self.values['encoder_digest'][:12]}); bring those back, or index into a new library: "
                "rag --library NEW index PATH"
            )

    def fault(self, calibration: Calibration | None) -> str | None:
        """Return in one line why a calibration is not for this library's confidences; ``None`` if it is."""
        if calibration is None:
            return None
        # Another process may have written the first documents after this one opened the library.
        build = self.values or self._store.setting(BUILD)
        return calibration.fault(build, confidence_version=CONFIDENCE_VERSION)


def _checked(values: Any, store: LibraryStore) -> dict[str, Any]:
    """Return what a store says that a library was built with.

    Args:
        values: What it says.
        store: The store.

    Returns:
        The same.

    Raises:
        LibraryDamaged: It says something else.
    """
    if not isinstance(values, dict) or any(type(values.get(name)) is not kind for name, kind in KINDS.items()):
        raise LibraryDamaged(f"{store.place} does not say what it was built with; restore a backup: rag restore BACKUP")
    return values


def precision_of(settings: Settings) -> Precision:
    """Return the precision that settings ask for; single precision where they leave it open."""
    return "int8" if settings.precision == "int8" else "float32"


def _fixed_by(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a library fixes; none before its first commit."""
    return {name: {**EARLIER, **values}[name] for name in NEW_LIBRARY} if values else {}
