"""Entailment by a tiny model with seeded weights: its probabilities, its part in the check, and honest refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_models import make_tiny_cross_encoder

from embeddings.encoder import load_encoder
from embeddings.entailment import Entailment
from embeddings.errors import UnusableModel
from embeddings.quiet import quiet_transformers
from rag.claims import Verdict, check_claim
from rag.settings import DEFAULT_ENCODER

TEXTS = ["ada did", "", "built in 1874 by ada", "x"]
LABELS = {"0": "contradiction", "1": "entailment", "2": "neutral"}


def named(path: Path, labels: dict[str, str], **others: object) -> Path:
    """The model with names for its labels."""
    config = json.loads((path / "config.json").read_text())
    numbers = {name: int(number) for number, name in labels.items()}
    (path / "config.json").write_text(json.dumps(config | {"id2label": labels, "label2id": numbers} | others))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return named(make_tiny_cross_encoder(tmp_path_factory.mktemp("nli") / "tiny", labels=3), LABELS)


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray:
    with quiet_transformers():
        from sentence_transformers import CrossEncoder

        model = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    pairs = [(text, "who built it") for text in TEXTS]
    probabilities: np.ndarray = model.predict(pairs, apply_softmax=True, show_progress_bar=False)
    return probabilities


def test_probabilities_are_those_of_the_label_entailment(folder: Path, expected: np.ndarray) -> None:
    found = Entailment(str(folder)).probabilities(TEXTS, "who built it")
    assert found.shape == (len(TEXTS),)
    np.testing.assert_allclose(found, expected[:, 1], atol=1e-4)


def test_the_order_of_the_labels_is_the_models_own(folder: Path, expected: np.ndarray, tmp_path: Path) -> None:
    other = make_tiny_cross_encoder(tmp_path / "other", labels=3)
    labels = {"0": "Entailment", "1": "neutral", "2": "contradiction"}
    found = Entailment(str(named(other, labels))).probabilities(TEXTS, "who built it")
    np.testing.assert_allclose(found, expected[:, 0], atol=1e-4)


def test_what_onnx_runtime_cannot_run_gives_the_same(expected: np.ndarray, tmp_path: Path) -> None:
    path = named(make_tiny_cross_encoder(tmp_path / "long", labels=3), LABELS)
    (path / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 40, "do_lower_case": True}))
    model = Entailment(str(path))
    assert type(model._model).__name__ == "SentenceCrossEncoder"
    np.testing.assert_allclose(model.probabilities(TEXTS, "who built it"), expected[:, 1], atol=1e-4)
    assert model.probabilities([], "x").shape == (0,)


def test_no_texts_have_no_probabilities(folder: Path) -> None:
    assert Entailment(str(folder)).probabilities([], "x").shape == (0,)


def test_a_model_without_such_a_label_is_refused_in_one_line(tmp_path: Path) -> None:
    path = named(make_tiny_cross_encoder(tmp_path / "two", labels=2), {"0": "bad", "1": "good"})
    with pytest.raises(UnusableModel, match="labels bad, good; one that judges claims has to name") as refused:
        Entailment(str(path))
    assert "\n" not in str(refused.value)


class Judge:
    """Entailment, as sure as it is told to be; keeps what it was asked."""

    def __init__(self, probability: float) -> None:
        self.probability = probability
        self.asked: list[tuple[str, str]] = []

    def probabilities(self, texts: list[str], claim: str) -> np.ndarray:
        self.asked += [(text, claim) for text in texts]
        return np.full(len(texts), self.probability, np.float32)


EVIDENCE = "The harbour of Norrwick, led by Ada Brandt, was opened on August 20th, 1974."


@pytest.mark.parametrize("probability", [0.1, 0.9])
def test_entailment_judges_what_has_no_fault(probability: float) -> None:
    encoder = load_encoder(DEFAULT_ENCODER)
    judge = Judge(probability)
    found = check_claim("Ada Brandt leads the harbour.", [EVIDENCE], encoder=encoder, entailment=judge)
    assert found.support == pytest.approx(probability)
    assert judge.asked == [(EVIDENCE, "Ada Brandt leads the harbour.")]


def test_a_bare_answer_is_judged_as_a_statement() -> None:
    judge = Judge(0.9)
    encoder = load_encoder(DEFAULT_ENCODER)
    check_claim("Ada Brandt", [EVIDENCE], encoder=encoder, question="Who leads the harbour?", entailment=judge)
    assert judge.asked == [(EVIDENCE, "Ada Brandt leads the harbour")]


def test_entailment_outweighs_no_fault() -> None:
    encoder = load_encoder(DEFAULT_ENCODER)
    judge = Judge(1.0)
    found = check_claim("The harbour was opened in 1975.", [EVIDENCE], encoder=encoder, entailment=judge)
    assert found == Verdict(0.2, ("1975 is not in the passage",))
    assert not judge.asked
