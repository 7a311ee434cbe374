"""What is wrong is said in the language of the page: every message that the pages can show has its Chinese."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import QuestionError
from rag.web.chat_events import Place
from rag.web.said import worded
from rag.web.said_zh import CHINESE

RAG = Path(__file__).parents[1] / "rag"
# What the pages can show is raised here.
MODULES = (
    *(
        "web/chat_events",
        "web/chat_sent",
        "web/collections",
        "web/documents_page",
        "web/evaluation_jobs",
        "web/feedback",
    ),
    *("web/folder_reading", "web/gold_at_hand", "web/history", "web/queueing", "web/quality_page", "web/thresholds"),
    *(
        "web/uploads",
        "formats/archive",
        "formats/decode",
        "given",
        "load",
        "formats/mail",
        "formats/office",
        "opening",
        "formats/parse",
        "formats/pdf",
        "formats/records",
        "pipeline",
        "writer",
    ),
)
# Not for readers of a page: programmers' mistakes, files that only commands name, and texts made of others.
NOT_SHOWN = re.compile(
    r"date of |page_starts of |metadata of |documents is a |k = |threshold = |\{\} is \{\}, of type |"
    r"a stage ran before|\{\}: \{\}$|\{\} \{\}$|\{\}: the document holds no text"
)
WORDS = re.compile(r"[a-z]{2,} [a-z]{2,}")


def template(node: ast.expr) -> str | None:
    """The text of a message, with gaps; `None` where it is made elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    return None


def raised() -> Iterator[str]:
    """What the modules raise."""
    for module in MODULES:
        for node in ast.walk(ast.parse((RAG / f"{module}.py").read_text("utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                text = template(node.exc.args[0])
                if text and WORDS.search(text) and not NOT_SHOWN.match(text):
                    yield text


@pytest.mark.parametrize("text", sorted(set(raised())))
def test_what_the_pages_can_show_is_known_in_chinese(text: str) -> None:
    said = worded(text.replace("{}", "7"), "zh")
    assert not said.startswith("出错"), said
    assert re.search(r"[\u4e00-\u9fff]{2}", said)
    assert not WORDS.search(re.sub(r"rag \w+|pip install|conversation|NUL bytes", "", said)), said


def test_a_message_is_filled_in_and_one_in_another_is_put_into_chinese_too() -> None:
    assert worded("this token may not write the library 'a'", "zh") == "此令牌无权对文档库 'a' 进行“write”操作"
    long = "notes 1.csv: has 9 characters, more than 7; raise the setting parse_chars (RAG_PARSE_CHARS) to read it"
    assert (
        worded(long, "zh") == "notes 1.csv：有 9 个字符，超过 7 个；如需读取，请提高设置 parse_chars（RAG_PARSE_CHARS）"
    )
    notice = (
        "The chat model a:b takes no more requests at present (HTTP 429); the answer is in the documents' own words. "
        "2 sentences of the chat model a:b left out: not supported by the passages."
    )
    assert worded(notice, "zh") == (
        "聊天模型 a:b 目前不再接受请求（HTTP 429）；答案采用文档原文。 聊天模型 a:b 有 2 句没有段落支持，已省略。"
    )


def test_what_is_not_known_is_said_to_be_as_it_came_and_english_stays_english() -> None:
    assert worded("something else went wrong", "zh") == "出错（原文）：something else went wrong"
    assert worded("harbour.md 已不在建立索引时的位置；请运行 rag index。", "zh").startswith("harbour.md 已")
    for language in ("en", "", "fr"):
        assert worded("too many questions are waiting; ask again in 5 seconds", language).startswith("too many")
    assert worded("", "zh") == ""


def test_every_gap_of_a_message_is_in_its_chinese_once() -> None:
    for english, chinese in CHINESE.items():
        gaps = re.findall(r"\{(\d*|…)\}", english)
        filled = re.findall(r"\{(\d*|…)\}", chinese)
        assert filled.count("…") == gaps.count("…"), english
        assert len(filled) <= len(gaps), english


@pytest.mark.parametrize("text", ["x" * 100_000, "a; " * 2_000 + "b", "{}" * 500, "(" * 5_000, "a. " * 1_600])
def test_no_message_takes_long(text: str) -> None:
    assert worded(text, "zh").rstrip().endswith(text.rstrip()[-1])


def test_an_error_in_the_chat_is_said_in_the_language_of_the_page() -> None:
    error = QuestionError("the question is empty; ask something, for example: rag ask 'Who wrote this?'")
    assert Place(language="zh").told(error) == "问题为空，请输入问题"
    assert Place().told(error).startswith("the question is empty")
