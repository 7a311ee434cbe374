"""Gold sets: what is read, what is refused, and where quotes and spans are found."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eval.gold import Evidence, GoldSet, locate, read_gold
from eval.locate import FoldedText, transfer
from rag.errors import GoldError
from rag.schema import Span

GOLD = Path(__file__).parents[1] / "eval" / "gold.jsonl"
SEEDS = Path(__file__).parents[1] / "seeds"
ROW: dict[str, Any] = {"id": "q1", "question": "Who?", "answers": ["Ada"], "answerable": True}
# Letters with accents, marks, ligatures, full-width forms, invisible characters, white space, quotes and dashes.
MIXED = st.text(alphabet="ab é\u0301ﬁ½Ａ\u200b\u00ad\u00a0\u3000\n\t“\"’'—-中文´", max_size=40)


def write(path: Path, *rows: Mapping[str, Any] | str) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def folder(path: Path, *questions: Mapping[str, Any], text: str = "Ada wrote it. Ada signed it.") -> Path:
    write(path / "corpus.jsonl", {"id": "d1", "title": "T", "text": text}, {"id": "d2", "title": "", "text": "Bob."})
    if questions:
        write(path / "questions.jsonl", *questions)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(GoldError) as refused:
        read_gold(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_file_gives_its_questions_in_order_and_no_documents(tmp_path: Path) -> None:
    evidence = [{"document_id": "a.txt", "start_char": 3, "end_char": 6, "quote": "Ada"}, {"document_id": "b.txt"}]
    path = write(tmp_path / "mine.jsonl", ROW | {"evidence": evidence, "tags": ["person"]}, "", ROW | {"id": "q0"})
    gold = read_gold(path)
    assert (gold.name, gold.documents) == ("mine", None)
    assert [question.id for question in gold.questions] == ["q1", "q0"]
    assert gold.questions[0].evidence == (Evidence("a.txt", 3, 6, "Ada"),)
    assert gold.questions[0].document_ids == ("a.txt", "b.txt")
    assert gold.questions[0].tags == ("person",)
    assert gold.digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("change", "field", "got"),
    [
        ({"id": 7}, "id", "7"),
        ({"id": None}, "id", "null"),
        ({"question": "  "}, "question", '"  "'),
        ({"answers": "Ada"}, "answers", '"Ada"'),
        ({"answers": [""]}, "answers", '[""]'),
        ({"answers": []}, "answers", "empty"),
        ({"answerable": "yes"}, "answerable", '"yes"'),
        ({"answerable": False}, "answerable", "false"),
        ({"tags": [1]}, "tags", "[1]"),
        ({"evidence": ["quote"]}, "evidence", '["quote"]'),
        ({"question": "half \ud800"}, "question", "character 5"),
        ({"evidence": [{"quote": "Ada"}]}, "document_id", "null"),
        ({"evidence": [{"document_id": "a", "quote": 1}]}, "quote", "1"),
        ({"evidence": [{"document_id": "a", "quote": ""}]}, "quote", "letters or digits"),
        ({"evidence": [{"document_id": "a", "quote": "   "}]}, "quote", "letters or digits"),
        (
            {"evidence": [{"document_id": "a", "quote": "—", "start_char": 0, "end_char": 1}]},
            "quote",
            "letters or digits",
        ),
        ({"evidence": [{"document_id": "a", "start_char": 4}]}, "start_char", "[4, null)"),
        ({"evidence": [{"document_id": "a", "start_char": 4, "end_char": 4}]}, "start_char", "[4, 4)"),
        ({"evidence": [{"document_id": "a", "start_char": True, "end_char": 4}]}, "start_char", "[true, 4)"),
    ],
)
def test_a_bad_row_is_refused_by_file_row_field_and_value(
    tmp_path: Path, change: dict[str, Any], field: str, got: str
) -> None:
    message = refusal(write(tmp_path / "g.jsonl", ROW, "", ROW | {"id": "q2"} | change))
    assert f"{tmp_path / 'g.jsonl'}: row 3" in message
    assert f"field '{field}'" in message
    assert got in message


def test_an_id_used_twice_is_refused(tmp_path: Path) -> None:
    assert "row 2, field 'id': 'q1'" in refusal(write(tmp_path / "g.jsonl", ROW, ROW))


def test_a_refusal_of_a_row_says_how_to_see_all_such_rows(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "g.jsonl", ROW, ROW, ROW)).endswith("; `rag eval check` lists all problems")
    assert "rag eval check" not in refusal(tmp_path / "missing.jsonl")


def test_a_question_and_its_evidence_know_their_place_and_equal_others_all_the_same(tmp_path: Path) -> None:
    row = ROW | {"evidence": [{"document_id": "b.txt"}, {"document_id": "a.txt", "quote": "Ada"}]}
    (question,) = read_gold(write(tmp_path / "g.jsonl", "", row)).questions
    assert question.place == f"{tmp_path / 'g.jsonl'}: row 2"
    assert question.evidence[0].place == f"{tmp_path / 'g.jsonl'}: row 2, evidence[1]"
    assert question == replace(question, place="")


def test_a_value_of_another_script_is_shown_as_it_is_and_one_that_breaks_lines_is_not(tmp_path: Path) -> None:
    assert 'got "是"' in refusal(write(tmp_path / "g.jsonl", ROW | {"answers": "是"}))
    assert '"a\\u2028b"' in refusal(write(tmp_path / "g.jsonl", ROW | {"answers": "a\u2028b"}))


def test_what_is_no_gold_set_is_refused_with_the_next_step(tmp_path: Path) -> None:
    assert "no gold set at" in refusal(tmp_path / "missing.jsonl")
    assert "has to hold corpus.jsonl and questions.jsonl" in refusal(tmp_path)
    assert "holds no row" in refusal(write(tmp_path / "empty.jsonl"))
    assert "row 2: not JSON" in refusal(write(tmp_path / "broken.jsonl", ROW, '{"id": '))
    assert "row 1: not JSON" in refusal(write(tmp_path / "deep.jsonl", "[" * 100_000))
    assert "row 1: expected a JSON object, got [1]" in refusal(write(tmp_path / "list.jsonl", "[1]"))
    (tmp_path / "latin.jsonl").write_bytes('{"id": "é"}'.encode("latin-1"))
    assert "not UTF-8" in refusal(tmp_path / "latin.jsonl")


def test_line_separators_inside_a_text_do_not_part_a_row(tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    path.write_text("\ufeff" + json.dumps(ROW | {"question": "a\u2028b\x85c"}, ensure_ascii=False), encoding="utf-8")
    assert read_gold(path).questions[0].question == "a\u2028b\x85c"


def test_a_folder_gives_documents_and_evidence_from_answer_spans(tmp_path: Path) -> None:
    spans = [{"doc_id": "d1", "start": 14, "end": 17}]
    row = ROW | {"doc_ids": ["d1"], "evidence": ["Ada wrote it."], "spans": spans}
    gold = read_gold(folder(tmp_path, row, ROW | {"id": "q2", "question": ""}))
    assert gold.documents is not None
    assert [document.id for document in gold.documents] == ["d1", "d2"]
    assert [question.evidence for question in gold.questions] == [(Evidence("d1", 14, 17, "Ada"),)]
    assert gold.left_out == ("q2",)


def test_a_folder_without_answer_spans_gives_its_evidence_sentences_where_they_stand(tmp_path: Path) -> None:
    row = ROW | {"doc_ids": ["d2", "d1"], "evidence": ["Ada  signed it."]}
    (question,) = read_gold(folder(tmp_path, row)).questions
    assert question.evidence == (Evidence("d1", 14, 28, "Ada signed it."),)
    assert question.document_ids == ("d2", "d1")


def test_a_folder_row_that_does_not_match_its_corpus_is_refused(tmp_path: Path) -> None:
    assert "field 'doc_ids': names 'd9'" in refusal(folder(tmp_path, ROW | {"doc_ids": ["d9"]}))
    beyond = {"doc_id": "d2", "start": 0, "end": 5}
    assert "spans[0], field 'start': [0, 5)" in refusal(folder(tmp_path, ROW | {"spans": [beyond]}))
    assert "field 'evidence': 'Eve" in refusal(folder(tmp_path, ROW | {"doc_ids": ["d1"], "evidence": ["Eve."]}))
    assert "asks no question" in refusal(folder(tmp_path, ROW | {"question": ""}))


def test_judgements_as_beir_publishes_them_name_whole_documents(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "text": "Ada."}, {"_id": "d2", "title": "B", "text": "Bob."})
    write(tmp_path / "queries.jsonl", *({"_id": f"q{i}", "text": f"Who {i}?"} for i in (1, 2, 3)))
    assert "qrels.tsv is missing" in refusal(tmp_path)
    write(tmp_path / "qrels.tsv", "query-id\tcorpus-id\tscore", "q1\td2\t2", "q1\td1\t1", "q2\td1\t0")
    (question,) = read_gold(tmp_path).questions
    assert (question.id, question.question, question.document_ids) == ("q1", "Who 1?", ("d2", "d1"))
    assert (question.answerable, question.answers, question.evidence) == (True, (), ())
    write(tmp_path / "qrels.tsv", "q1\td3\t1")
    assert "qrels.tsv: row 1" in refusal(tmp_path)


def test_of_judgements_in_parts_those_of_the_test_part_are_read(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "text": "Ada."}, {"_id": "d2", "text": "Bob."})
    write(tmp_path / "queries.jsonl", {"_id": "q1", "text": "Who?"}, {"_id": "q2", "text": "Who else?"})
    (tmp_path / "qrels").mkdir()
    write(tmp_path / "qrels" / "dev.tsv", "query-id\tcorpus-id\tscore", "q1\td1\t1")
    dev = read_gold(tmp_path)
    write(tmp_path / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore", "q2\td2\t1")
    test = read_gold(tmp_path)
    assert [[question.id for question in gold.questions] for gold in (dev, test)] == [["q1"], ["q2"]]
    assert dev.digest != test.digest


def test_the_digest_of_a_folder_follows_the_content_of_each_file(tmp_path: Path) -> None:
    first = read_gold(folder(tmp_path, ROW)).digest
    assert read_gold(folder(tmp_path, ROW)).digest == first
    assert read_gold(folder(tmp_path, ROW | {"tags": ["x"]})).digest != first
    assert read_gold(folder(tmp_path, ROW, text="Ada.")).digest != first


def test_the_gold_set_on_the_seeds_holds_quotes_that_stand_in_them() -> None:
    gold: GoldSet = read_gold(GOLD)
    assert len(gold.questions) >= 80
    assert sum(not question.answerable for question in gold.questions) >= 20
    for question in gold.questions:
        for evidence in question.evidence:
            text = (SEEDS / evidence.document_id).read_text(encoding="utf-8")
            assert locate(evidence.quote, text), f"{question.id}: {evidence.quote}"


@pytest.mark.parametrize(
    ("quote", "text", "found"),
    [
        ("Ada", "By Ada. Ada.", "Ada"),
        (" two\nwords ", "the two \u00a0 words", "two \u00a0 words"),
        ("Taiwan's 'best'", "Taiwan’s ‘best’", "Taiwan’s ‘best’"),
        ('"a" - b', "“a” — b", "“a” — b"),
        ("1922-26", "in 1922–26.", "1922–26"),
        ("soft", "so\u00adft", "so\u00adft"),
        ("café", "cafe\u0301!", "cafe\u0301"),
        ("fine 12", "ﬁne １２", "ﬁne １２"),
        ("1", "½ 1", "1"),
        ("年“好”", "去年「好」了", "年「好」"),
    ],
)
def test_a_quote_is_found_with_white_space_quotes_and_dashes_folded(quote: str, text: str, found: str) -> None:
    span = locate(quote, text)
    assert span is not None
    assert text[span.start_char : span.end_char] == found


def test_the_first_occurrence_is_given_in_offsets_of_the_text_as_given() -> None:
    assert locate("ab", "x ab ab") == Span(2, 4)


@pytest.mark.parametrize(("near", "start"), [(0, 2), (4, 5), (5, 5), (7, 8), (99, 8)])
def test_of_several_occurrences_the_one_nearest_to_where_it_should_be_is_given(near: int, start: int) -> None:
    assert locate("ab", "x ab|ab|ab", near=near) == Span(start, start + 2)


@pytest.mark.parametrize(("quote", "text"), [("Ada", "ada"), ("notable", "not able"), ("", "a"), (" \u200b", "a b")])
def test_a_quote_with_other_letters_or_none_is_not_found(quote: str, text: str) -> None:
    assert locate(quote, text) is None


@given(MIXED, st.integers(0, 40), st.integers(0, 40))
def test_any_slice_with_a_visible_character_is_found_and_equal_when_folded(text: str, first: int, last: int) -> None:
    quote = text[first:last]
    wanted = FoldedText(quote).text.strip()
    span = locate(quote, text)
    if not wanted:
        assert span is None
        return
    assert span is not None
    assert FoldedText(text[span.start_char : span.end_char]).text == wanted
    visible = next(offset for offset, char in enumerate(quote) if FoldedText(char).text.strip())
    assert span.start_char <= first + visible


def test_a_span_is_carried_to_the_right_occurrence_when_cleaning_drops_text_before_it() -> None:
    given_text = "Photo: Xinhua\nAda came in May.\nPhoto: Xinhua\nBob came in May.\n\n\nEve came in May."
    canonical = "Ada came in May.\n\nBob came in May.\n\nEve came in May."
    for name in ("Ada", "Bob", "Eve"):
        start = given_text.index("May", given_text.index(name))
        span = transfer(Span(start, start + 3), FoldedText(given_text), FoldedText(canonical))
        assert span is not None
        assert span.start_char == canonical.index("May", canonical.index(name))
        assert canonical[span.start_char : span.end_char] == "May"


def test_a_span_that_cleaning_dropped_is_carried_nowhere() -> None:
    assert transfer(Span(0, 5), FoldedText("Photo: Ada came."), FoldedText("Ada came.")) is None


words = st.sampled_from(["May", "Ada", "came,", "“so”", "a\u00a0b", "caf\u0065\u0301", "１２", "年"])
paragraphs = st.lists(st.lists(words, min_size=1, max_size=6).map("  ".join), min_size=1, max_size=6)


@given(paragraphs, st.data())
def test_every_span_survives_white_space_and_unicode_normalisation_at_its_own_place(
    parts: list[str], data: st.DataObject
) -> None:
    text = "\r\n".join(parts)
    canonical = unicodedata.normalize("NFKC", "\n\n".join(" ".join(part.split()) for part in parts))
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    # A span of characters does not part a letter from its mark.
    assume("\u0301" not in (text[start], text[end : end + 1]))
    wanted = FoldedText(text[start:end]).text.strip()
    before = len(FoldedText(text[:start]).text.replace(" ", ""))
    span = transfer(Span(start, end), FoldedText(text), FoldedText(canonical))
    assert (span is None) == (not wanted)
    if span is None:
        return
    assert FoldedText(canonical[span.start_char : span.end_char]).text == wanted
    assert len(FoldedText(canonical[: span.start_char]).text.replace(" ", "")) == before
