"""Telling encodings apart on prose written for the purpose, and refusing what is not text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import UnreadableSource
from rag.formats.decode import decode

CHINESE = (
    "四月的上海，梧桐树刚刚长出新叶。清晨的菜市场里，卖豆腐的老人把摊子摆得整整齐齐，"
    "一边招呼熟客，一边和邻居谈论昨夜的雨。"
    "他说，二十年前这里还是一片稻田，如今高楼林立，连河边的小路也铺上了石板。"
)
TAIWANESE = (
    "臺北的夏天總是來得很早。午後的雷陣雨過後，巷子裡的空氣變得清涼，"
    "賣冰的小店前排起了長長的隊伍。"
    "老闆娘一面刨冰，一面和客人聊天，說她的手藝是跟祖母學的。"
)
JAPANESE = (
    "春になると、川沿いの道に桜の花が咲きます。朝早く散歩をする人々は、"
    "橋の上で足を止めて、静かに流れる水を眺めています。"
    "小さな町ですが、古い神社と新しい図書館があります。"
)
KOREAN = (
    "가을이 되면 산길에는 단풍이 붉게 물듭니다. 아침 일찍 길을 나선 사람들은 "
    "계곡 옆 찻집에서 따뜻한 차를 마시며 이야기를 나눕니다. "
    "마을의 오래된 시장에서는 햇과일과 나물을 팝니다."
)
RUSSIAN = (
    "Осенью старый парк пустеет, и только садовник каждое утро сгребает опавшие листья. Он работает здесь "
    "больше тридцати "
    "лет и помнит, как на месте пруда был деревянный театр."
)
FRENCH = (
    "Le marché couvert ouvre à six heures, quand la lumière est encore pâle. Les maraîchers déchargent des "
    "cageots de pêches "
    "et d’abricots, et la fromagère découpe un énorme morceau de comté — « tout frais », dit-elle."
)
GERMAN = (
    "Früh am Morgen öffnet die Bäckerei in der Schloßstraße. Über den Dächern liegt Nebel, und die ersten "
    "Schüler kaufen "
    "Brötchen für die Fahrt. Die Verkäuferin grüßt jeden mit Namen."
)
SPANISH = "La estación de tren quedó vacía después de la lluvia. Una niña pequeña corría detrás de su sombrero."
ENGLISH = (
    "The café on the corner – the one with blue shutters – closes at six. “We never open on Sundays,” says the owner."
)
CZECH = (
    "Na jaře se celá vesnice sejde u staré školy, kde učitel zasadil třešeň. Děti běhají po louce, ženy "
    "pečou koláče a starý "
    "kovář vypráví příběhy o řece."
)
GREEK = "Το πρωί οι ψαράδες γυρίζουν στο λιμάνι με τα δίχτυα γεμάτα. Οι γάτες περιμένουν στην προκυμαία."
THAI = "ตอนเช้าตลาดริมน้ำเต็มไปด้วยผู้คน แม่ค้าพายเรือขายผลไม้และขนมหวาน เด็กนักเรียนเดินข้ามสะพานไปโรงเรียน"

LEGACY = [
    (CHINESE, "gb18030"),
    (CHINESE, "gbk"),
    (TAIWANESE, "big5"),
    (JAPANESE, "shift_jis"),
    (JAPANESE, "euc_jp"),
    (JAPANESE, "iso2022_jp"),
    (KOREAN, "euc_kr"),
    (KOREAN, "cp949"),
    (RUSSIAN, "cp1251"),
    (RUSSIAN, "koi8_r"),
    (FRENCH, "cp1252"),
    (GERMAN, "latin-1"),
    (SPANISH, "latin-1"),
    (ENGLISH, "cp1252"),
    (CZECH, "cp1250"),
    (GREEK, "cp1253"),
    (THAI, "cp874"),
]
PROSE = [CHINESE, TAIWANESE, JAPANESE, KOREAN, RUSSIAN, FRENCH, ENGLISH, THAI]


@pytest.mark.parametrize(("text", "encoding"), LEGACY, ids=[f"{text[:4]}-{encoding}" for text, encoding in LEGACY])
def test_prose_in_a_legacy_encoding_is_read_right(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE[:8], "gb18030"),
        (TAIWANESE[:8], "big5"),
        (JAPANESE[:8], "shift_jis"),
        (JAPANESE[:8], "euc_jp"),
        (KOREAN[:8], "euc_kr"),
        (RUSSIAN[:40], "cp1251"),
        ("Le café", "cp1252"),
        ("Übermut", "latin-1"),
        ("“Yes”", "cp1252"),
        ("¿Dónde está?", "latin-1"),
    ],
)
def test_short_texts_in_common_legacy_encodings_are_read_right(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("text", PROSE, ids=[text[:4] for text in PROSE])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_unicode_is_read_right_with_and_without_a_byte_order_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text
    assert decode(("\ufeff" + text).encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_line_of_ascii_in_a_wide_encoding_is_read_right(encoding: str) -> None:
    assert decode("Hi.\r\n".encode(encoding)) == "Hi.\r\n"


def test_legacy_chinese_with_much_ascii_is_read_right() -> None:
    text = (
        "Release 2.1 (2024-04-15)\n" * 20
        + "修复了导出时的错误，并更新了文档。\n"
        + "See https://example.org/log for more.\n" * 20
    )
    assert decode(text.encode("gb18030")) == text


def test_utf8_with_one_damaged_byte_stays_utf8() -> None:
    head, tail = FRENCH.encode().split(b"heures")
    assert decode(head + b"heu\xffres" + tail) == FRENCH.replace("heures", "heu\ufffdres")


def test_utf8_cut_within_a_character_stays_utf8() -> None:
    assert decode(CHINESE.encode()[:-1]) == CHINESE[:-1] + "\ufffd"


def test_a_file_that_breaks_its_byte_order_mark_is_refused() -> None:
    with pytest.raises(UnreadableSource, match="begins as utf-16 but byte"):
        decode(b"\xff\xfe\x00\xd8\x20\x00")


def test_terminal_colours_do_not_make_a_log_binary() -> None:
    log = "\x1b[32mINFO\x1b[0m service started and listens on port 8080\n" * 5
    assert decode(log.encode()) == log


def test_ascii_of_even_length_is_not_taken_for_chinese_utf16() -> None:
    assert decode(b"Bush hid the facts") == "Bush hid the facts"
    assert decode(b"A text: 000.") == "A text: 000."


@given(st.text())
def test_utf8_without_nul_and_controls_is_read_exactly(text: str) -> None:
    text = "".join(c for c in text if c >= " " and c not in "\x7f\ufeff") + "."
    assert decode(b"A text: " + text.encode()) == "A text: " + text


@given(st.binary())
def test_any_bytes_give_text_without_lone_surrogates_or_a_clear_refusal(data: bytes) -> None:
    text, refusal = "", None
    try:
        text = decode(data)
    except UnreadableSource as error:
        refusal = str(error)
    text.encode("utf-8")
    assert refusal != ""
