"""What was chosen against what might be: questions in other writings, and every table, on a tiny gold set."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from math import log2
from pathlib import Path

import pytest

from eval import bench, bench_choices, bench_parts
from eval.bench_choices import ALTERNATIVES
from eval.bench_parts import LINKS, PARTS, without
from eval.kept import open_gold_library
from eval.questions import Evidence, Question
from eval.systems import SystemSpec
from eval.writings import Rewriting, long_form, misspelt, other_numbers, quoting, rewritten, short_form
from rag import Settings, second_step, understand
from rag.spelling import edits

CRATES = {
    "Norrwick": "2,040,000,000", "Sundholm": "3,150,000,000", "Ostmark": "5,270,000,000", "Graahavn": "4,380,000,000",
    "Lillesund": "6,490,000,000", "Kvitnes": "7,510,000,000", "Halsvik": "8,620,000,000",
}  # fmt: skip
TEXTS = {name: (name, f"The port of {name} landed {crates} crates of herring.") for name, crates in CRATES.items()}
TEXTS |= {
    "guild": ("The guild", "The Norrwick Pilots Guild (NPG) was founded by Ada Lindqvist of Velbeck Bay in 1874."),
    "Velbeck": ("Velbeck Bay", "Velbeck Bay has an island that ships cannot reach in winter."),
    "soup": ("Soup", "Peel an onion, boil it, add pepper."),
}
QUESTIONS = [
    ("q1", "Which port landed 2.04 billion crates?", ["Norrwick"]),
    ("q2", "How many crates did Sundholm land?", ["Sundholm"]),
    ("q3", "Who founded the NPG?", ["guild"]),
    ("q4", "How do ships in the port of the founder of the NPG get herring?", ["guild", "Velbeck"]),
]


def asked(text: str) -> Question:
    return Question("q", text, ("x",), True, (), ("guild",), ())


@pytest.mark.parametrize(
    ("rewrite", "given", "expected"),
    [
        (other_numbers, "Who had 2.04 billion crates?", "Who had 2,040,000,000 crates?"),
        (other_numbers, "Who had 6,200 crates?", "Who had 6200 crates?"),
        (other_numbers, "Who had 9% of it?", "Who had 9 percent of it?"),
        (other_numbers, "Who had 9 per cent of it?", "Who had 9% of it?"),
        (other_numbers, "Who came on August 20, 1874?", "Who came on 20 Aug, 1874?"),
        (other_numbers, "Who came on 22 August?", "Who came on Aug 22nd?"),
        (other_numbers, "Who came on 12 August?", "Who came on Aug 12th?"),
        (other_numbers, "Which two ports?", "Which 2 ports?"),
        (other_numbers, "Which of the 12 ports?", "Which of the twelve ports?"),
        (other_numbers, "Which port had 3.5 in 1874?", None),
        (short_form, "Who founded the Norrwick pilots guild?", "Who founded the NPG?"),
        (short_form, "Who founded the Norrwick Pilots Guild (NPG)?", None),
        (long_form, "Who founded the NPG?", "Who founded the Norrwick Pilots Guild?"),
        (long_form, "Who founded the npg?", None),
        (misspelt, "Who is it?", None),
    ],
)
def test_a_rule_rewrites_what_it_is_about_and_nothing_else(
    rewrite: Rewriting, given: str, expected: str | None
) -> None:
    assert rewrite(asked(given), {"guild": TEXTS["guild"][1]}) == expected


def test_the_longest_run_of_words_of_the_evidence_is_quoted() -> None:
    texts = {"guild": f"Who founded the port?\n{TEXTS['guild'][1]}\nIn which year?"}
    place = texts["guild"].index("Ada Lindqvist")
    plain = replace(
        asked("In which year was the guild founded by Ada Lindqvist of Norrwick?"),
        evidence=(Evidence("guild", place, place + len("Ada Lindqvist"), "Ada Lindqvist"),),
    )
    assert quoting(plain, texts) == 'In which year was the guild "founded by Ada Lindqvist" of Norrwick?'
    assert quoting(replace(plain, question='Who is "Ada Lindqvist" of Velbeck Bay?'), texts) is None


def test_a_misspelt_question_has_one_mistake_and_always_the_same() -> None:
    given = [Question(f"q{n}", "Who founded the harbour?", ("x",), n != 3, (), (), ()) for n in range(40)]
    found = rewritten(given, {}, misspelt)
    assert found == rewritten(given, {}, misspelt)
    assert [q.id for q in found] == [q.id for q in given if q.answerable]
    assert len({q.question for q in found}) > 10
    for question in found:
        who, founded, the, harbour = question.question.removesuffix("?").split()
        assert (who, the) == ("Who", "the")
        assert founded[0] + harbour[0] == "fh"
        assert sorted([edits("founded", founded, most=2), edits("harbour", harbour, most=2)]) == [0, 1]


def test_a_part_is_left_out_only_as_long_as_the_context_lasts() -> None:
    before = understand.phrases, second_step.links
    with without([*LINKS, *PARTS[2].left_out]):
        assert understand.phrases('Who is "Ada Lindqvist"?', ()) == ()
        assert second_step.links("Who?", (), rarity=len) == ()
    assert (understand.phrases, second_step.links) == before


def test_every_alternative_is_another_value_of_one_setting_than_the_shipped() -> None:
    shipped = Settings().fixed({}, Path())
    for spec in ALTERNATIVES:
        ((name, value),) = spec.settings.items()
        assert getattr(Settings.read(None, environ={}, overrides=spec.settings), name) == value
        assert getattr(shipped, name) != value


def cells(lines: list[str], name: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[2:-1]] for line in lines if line.startswith(f"| {name} |")]


def test_the_part_reports_what_alternatives_and_left_out_parts_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = [{"id": name, "title": title, "text": text} for name, (title, text) in TEXTS.items()]
    rows = [
        {"id": n, "question": q, "answers": held, "answerable": True, "doc_ids": held}
        | {"evidence": [TEXTS[name][1] for name in held]}
        for n, q, held in QUESTIONS
    ]
    (tmp_path / "ports").mkdir()
    for name, content in (("corpus", corpus), ("questions", rows)):
        lines = "".join(f"{json.dumps(row)}\n" for row in content)
        (tmp_path / "ports" / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    unranked, costly = SystemSpec("rerank none", {"rerank": "none"}), SystemSpec("token_bits 0", {"token_bits": 0})
    monkeypatch.setattr(bench, "SETS", ("ports", "absent"))
    monkeypatch.setattr(bench_choices, "ASKED_OTHERWISE", (unranked,))
    monkeypatch.setattr(bench_choices, "BUILT_OTHERWISE", ())
    monkeypatch.setattr(bench_choices, "COSTLY", (costly,))
    monkeypatch.setattr(bench_parts, "PARTS", PARTS[:1])
    monkeypatch.setattr(bench_choices, "open_gold_library", partial(open_gold_library, root=tmp_path / "kept"))
    assert bench.main(["--only", "choices", "--data", str(tmp_path)]) == 0
    found = capsys.readouterr().out.splitlines()

    # Of four questions one needs two documents; the second of them is ninth without the second step, else second.
    both = 1 + 1 / log2(3)
    (links,) = cells(found, "without the second step")
    assert cells(found, "as it is") == [["1.000", "1.000", "0.000", "0.000"]]
    assert [cell[:16] for cell in links[:2]] == ["0.500 (-0.500, p", f"{(1 + 1 / log2(10)) / both:.3f} (-0.202, p"]
    # Fused scores alone have it eighth. A resample with the question drawn k times of 4 is as far off unless k is 1.
    shipped, costs = cells(found, "shipped")
    (by_score,) = cells(found, "rerank none")
    assert shipped == ["1.000", "1.000", "1.000", "0.750"]
    value, rest = by_score[2].split(" ", 1)
    assert value == f"{(3 + (1 + 1 / log2(9)) / both) / 4:.3f}"
    assert rest.startswith("(-0.048, p ")
    assert float(rest[11:-1]) == pytest.approx(1 - 4 * (1 / 4) * (3 / 4) ** 3, abs=0.03)
    # Two of four misspelt questions are refused where nothing says what is meant: as far off are none of 4, and all 4.
    assert cells(found, "one letter misspelt (4)") == [shipped]
    misspelt_without = cells(found, "without the part for it")[0]
    assert misspelt_without[0] == "1.000 (+0.000, p 1.0000)"
    value, rest = misspelt_without[3].split(" ", 1)
    assert (value, rest[:11]) == ("0.250", "(-0.500, p ")
    assert float(rest[11:-1]) == pytest.approx(2 / 16, abs=0.03)
    # Ten documents of a passage each.
    assert costs[0] == str(len(TEXTS))
    assert int(costs[1].replace(",", "")) > 98 * 5
    assert cells(found, "token_bits 0")[0][:2] == [str(len(TEXTS)), "0"]
