"""Titles, dates and languages of the seeds and of texts written for the purpose."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.clean import clean
from rag.metadata import MAX_TITLE_CHARS, find_date, find_language, find_title

SEEDS = sorted((Path(__file__).parents[1] / "seeds").glob("*.txt"))
EXPECTED = [
    (
        "2020-09-29",
        "Xiao Wunan and his party went to Shenzhen Qianhai and Shanghai Lin-Gang Special Area for investigation",
    ),
    (
        "2024-04-15",
        'How can Lingang New Area do a good job as a "leading goose"?, Shouldering a major mission, standing at the '
        '"crossroads" of cross-border | foreign-funded enterprises | Lingang',
    ),
    ("2023-07-24", "Li Gang Led a Team to Visit Beijing and Shanghai"),
    ("2020-11-05", "Qingdao City and Shanghai Free Trade Zone Cooperation Conference is held in Shanghai"),
    (
        "2022-11-03",
        "Cross-Strait Industrial Cooperation Zone (Hunan)Digital and Low-Carbon Development Forum opens in Changsha",
    ),
]
SEED_IDS = [path.name[:3] for path in SEEDS]


@pytest.mark.parametrize(("path", "expected"), list(zip(SEEDS, EXPECTED, strict=True)), ids=SEED_IDS)
def test_title_date_and_language_of_a_seed_are_found_before_and_after_cleaning(
    path: Path, expected: tuple[str, str]
) -> None:
    raw = path.read_text("utf-8")
    for text in (raw, clean(raw)):
        assert (find_date(text), find_title(text, fallback="none")) == expected
        assert find_language(text) == "en"


# titles


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# A day at sea\n\nText.", "A day at sea"),
        ("Intro without a stop\n\n# A day at sea #\n\nText.", "A day at sea"),
        (
            "[![build](a.svg)](b)\n\n# The **sea** and [`boats`](c.md) of my_own_town\n",
            "The sea and boats of my_own_town",
        ),
        ("A day at sea\n============\n\nText.", "A day at sea"),
        ("## Overview\n\nText.", "Overview"),
        ("A day at sea\n\nText.\n\n## Weather\n", "A day at sea"),
        ("This is a sentence.\n\n## Weather\n", "Weather"),
        ("```\n# a comment in code\n```\n\n# A day at sea\n", "A day at sea"),
        ('---\ntitle: "A day: at sea"\ndate: 2024-04-15\n---\n\n# Another heading\n', "A day: at sea"),
        ("\ufeff---\r\ntitle: A day at sea\r\n---\r\nText.", "A day at sea"),
        ("15 April 2024\n\nBy Anna Lind\n\nA day at sea\n\nText.", "A day at sea"),
        ("Source: The Harbour Post\n\nA day at sea\n\nText.", "A day at sea"),
        ("2024-04-15 10:30 | A day at sea\n\nText.", "A day at sea"),
        ("Published: April 15, 2024 A day at sea\n\nText.", "A day at sea"),
        ("A day at sea and\nhow it ended\n\nText.", "A day at sea and how it ended"),
        ("A day at\u00a0 sea\u200b\n\nText.", "A day at sea"),
        ("2024年4月15日\n来源：新华社\n临港新片区揭牌四周年\n\n正文。", "临港新片区揭牌四周年"),
        ("Who goes there?\n\nText.", "Who goes there?"),
    ],
)
def test_a_title_is_found(text: str, title: str) -> None:
    assert find_title(text, fallback="none") == title


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A sentence is no title.\n\nNor is this one.",
        "这是一个句子。",
        "2024-04-15\n",
        "word " * 60 + "\n\nText.",
        "***\n\n12:30\n",
    ],
)
def test_a_text_without_a_title_takes_the_fallback(text: str) -> None:
    assert find_title(text, fallback="file name") == "file name"


def test_a_long_marked_title_is_cut_between_words() -> None:
    title = find_title("# " + "seagull " * 50, fallback="none")
    assert title == "seagull " * 23 + "seagull…"


@given(st.text())
def test_a_title_is_one_line_of_bounded_length(text: str) -> None:
    title = find_title(text, fallback="file name")
    assert 0 < len(title) <= MAX_TITLE_CHARS
    assert title == " ".join(title.split())


# dates


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("A day at sea\n\n2022-11-03\n\nText.", "2022-11-03"),
        ("A day at sea\n\n2023/7/4 16:41\n", "2023-07-04"),
        ("2023-07-24 16:41:44 admin source: share:", "2023-07-24"),
        ("2023-07-24T16:41:44+08:00", "2023-07-24"),
        ("Release time:Apr 15, 2024 01:21 AM", "2024-04-15"),
        ("September 29th, 2020\n", "2020-09-29"),
        ("Thursday, 5 November 2020\n", "2020-11-05"),
        ("5th of November, 2020", "2020-11-05"),
        ("Sept. 5, 2020 · 4 min read", "2020-09-05"),
        ("2024年4月15日 来源：新华社", "2024-04-15"),
        ("发布时间：2024年4月15日", "2024-04-15"),
        ("2024년 4월 15일", "2024-04-15"),
        ("15/04/2024", "2024-04-15"),
        ("04/15/2024", "2024-04-15"),
        ("05.05.2024", "2024-05-05"),
        ("By Anna Lind | March 3, 2021", "2021-03-03"),
        ("BEIJING, Nov. 5, 2020 (Xinhua) -- The port", "2020-11-05"),
        ("LOS ANGELES, CA, November 5, 2020 /EINPresswire.com/ -- The port", "2020-11-05"),
        ("---\ntitle: A\ndate: 2024-04-15\n---\n", "2024-04-15"),
        ("Updated: 2024-05-01\nPublished: 2024-04-15", "2024-04-15"),
        ("Last updated: 2024-05-01", "2024-05-01"),
        ("2024-02-29", "2024-02-29"),
    ],
)
def test_a_publication_date_is_found(text: str, day: str) -> None:
    assert find_date(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "On 5 November 1605 the cellar was searched.",
        "5 November 1605 was a cold day in London.",
        "Between May 1, 2020 and May 5, 2020 the harbour was closed.",
        "04/05/2024",
        "2023-02-29",
        "2023-13-01",
        "31 April 2024",
        "12024-04-15",
        "2024-04-155",
        "Version 2024.04.15.2",
        "10.1000/2024-04-15-33",
        "x" * 700 + "\n2024-04-15\n",
        "May 2024",
    ],
)
def test_what_is_not_a_publication_date_is_none(text: str) -> None:
    assert find_date(text) is None


@given(st.dates(min_value=date(1000, 1, 1), max_value=date(2199, 12, 31)))
def test_every_day_is_found_however_it_is_written(day: date) -> None:
    for written in (day.isoformat(), f"{day:%B} {day.day}, {day.year}", f"{day.day} {day:%b} {day.year}"):
        assert find_date(f"A day at sea\n\n{written}\n") == day.isoformat()


# languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The fishing boats come back before noon, and the market closes.", "en"),
        ("Les bateaux de pêche rentrent avant midi, et le marché ferme.", "fr"),
        ("Die Fischerboote kommen vor Mittag zurück, und der Markt schließt.", "de"),
        ("Рыбацкие лодки возвращаются до полудня, и рынок закрывается.", "ru"),
        ("渔船在中午前返回。", "zh"),
        ("漁船は昼前に戻ります。", "ja"),
        ("어선은 정오 전에 돌아온다.", "ko"),
        ("เรือประมงกลับมาก่อนเที่ยง", "th"),
        ("临港新片区 Lingang New Area 揭牌四周年，累计形成 102 个突破性创新案例。", "zh"),
    ],
)
def test_a_language_is_found(text: str, language: str) -> None:
    assert find_language(text) == language


@pytest.mark.parametrize("text", ["", "Hi there", "12 34 56 78 90", "xq zzv kpw rrt bnm qlk wpd"])
def test_a_text_too_short_or_uncertain_has_no_language(text: str) -> None:
    assert find_language(text) == "und"


def test_an_english_text_that_quotes_a_little_chinese_is_english() -> None:
    text = (
        "The zone (临港新片区) opened in August, and its first anniversary was marked with a long report on its trade."
    )
    assert find_language(text) == "en"
