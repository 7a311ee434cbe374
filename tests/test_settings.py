"""Settings: flag before environment before file before default, and nothing misspelt or out of range gets through."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from rag import Settings
from rag.errors import ConfigurationError, LibraryMismatch
from rag.settings import DEFAULT_ENCODER


def read(toml: Path | None = None, environ: dict[str, str] | None = None, **overrides: Any) -> Settings:
    return Settings.read(toml, environ=environ or {}, overrides=overrides)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """A file with two settings."""
    path = tmp_path / "settings.toml"
    path.write_text('leg_k = 20\ncandidates_k = 30\nencoder = "file/model"\ndense_weight = 1\n')
    return path


def test_without_anything_every_setting_has_its_default() -> None:
    assert read() == Settings()


def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(toml: Path) -> None:
    environ = {"RAG_CANDIDATES_K": "40", "RAG_ENCODER": "environment/model"}
    settings = read(toml, environ, encoder="flag/model")
    assert settings.encoder == "flag/model"
    assert settings.candidates_k == 40
    assert settings.leg_k == 20
    assert settings.hits_k == Settings().hits_k


def test_a_flag_that_was_not_given_changes_nothing(toml: Path) -> None:
    assert read(toml, encoder=None).encoder == "file/model"


def test_values_have_the_types_of_their_settings(toml: Path) -> None:
    environ = {"RAG_THRESHOLD": "0", "RAG_PASSAGE_TOKENS": "64", "RAG_RERANK": "none"}
    settings = read(toml, environ)
    assert isinstance(settings.threshold, float)
    assert isinstance(settings.dense_weight, float)
    assert (settings.passage_tokens, settings.rerank) == (64, "none")


def test_a_threshold_is_open_until_it_is_set() -> None:
    assert read().threshold is None
    assert read(environ={"RAG_THRESHOLD": "0.5"}).threshold == 0.5
    assert read(threshold=0.0).threshold == 0.0


def test_variables_that_say_where_things_are_and_foreign_ones_are_no_settings() -> None:
    environ = {"RAG_LIBRARY": "/x", "RAG_CACHE": "/y", "RAG_CONFIG": "/z", "RAGE": "1", "PATH": "/bin"}
    assert read(environ=environ) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold", "1.01"),
        ("threshold", "-0.01"),
        ("threshold", "nan"),
        ("dense_weight", "2"),
        ("leg_k", "0"),
        ("hits_k", "-1"),
        ("candidates_k", "ten"),
        ("leg_k", "2.5"),
        ("answer_sentences", ""),
        ("passage_tokens", "15"),
        ("passage_chars", "63"),
        ("token_bits", "-2"),
        ("token_bits", "3"),
        ("context_k", "0"),
        ("rerank", "sideways"),
        ("fusion", "sum"),
        ("precision", "int4"),
        ("recency_days", "0"),
        ("recency_days", "-3"),
        ("recency_days", "inf"),
        ("recency_days", "nan"),
        ("indexing_threads", "0"),
        ("writing_wait_s", "-1"),
        ("writing_wait_s", "inf"),
    ],
)
def test_a_value_out_of_range_is_refused_wherever_it_comes_from(name: str, value: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f'{name} = "{value}"')
    for given in ({"environ": {f"RAG_{name.upper()}": value}}, {name: value}, {"toml": path}):
        with pytest.raises(ConfigurationError, match=name) as caught:
            read(**given)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line", ["leg_k = 2.5", "leg_k = true", "threshold = true", "encoder = 5", "leg_k = [1]", "threshold = inf"]
)
def test_a_file_may_not_give_a_value_of_another_type(line: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(line)
    with pytest.raises(ConfigurationError, match=line.split(maxsplit=1)[0]):
        read(path)


@pytest.mark.parametrize("given", [{"environ": {"RAG_TRESHOLD": "1"}}, {"treshold": 1.0}, {"toml": "treshold = 1"}])
def test_an_unknown_setting_is_refused_and_the_known_ones_are_named(given: dict[str, Any], tmp_path: Path) -> None:
    if "toml" in given:
        (tmp_path / "settings.toml").write_text(given["toml"])
        given = {"toml": tmp_path / "settings.toml"}
    with pytest.raises(ConfigurationError, match=r"(?i)unknown .*treshold.*; did you mean (rag_)?threshold\?$"):
        read(**given)


def test_a_variable_that_says_where_things_are_is_suggested_too_and_all_where_none_is_near() -> None:
    with pytest.raises(ConfigurationError, match=r"RAG_LIBARY; did you mean RAG_LIBRARY\?$"):
        read(environ={"RAG_LIBARY": "/x"})
    with pytest.raises(ConfigurationError, match=r"RAG_XYZZY; known are .*RAG_CACHE, .*RAG_ENCODER, .*RAG_LIBRARY"):
        read(environ={"RAG_XYZZY": "/x"})


def test_a_value_that_cannot_be_is_said_with_where_it_came_from_and_what_it_has_to_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"candidates_k = 'abc', from RAG_CANDIDATES_K; .* a whole number$"):
        read(environ={"RAG_CANDIDATES_K": "abc"})
    with pytest.raises(ConfigurationError, match=r"candidates_k = 0, from RAG_CANDIDATES_K; .* a whole number from 1$"):
        read(environ={"RAG_CANDIDATES_K": "0"})
    (tmp_path / "s.toml").write_text("dense_weight = 2.0")
    with pytest.raises(ConfigurationError, match=r"dense_weight = 2.0, from .*s\.toml; .* a number from 0 to 1$"):
        read(tmp_path / "s.toml")
    with pytest.raises(ConfigurationError, match=r"candidates_k = 0; .* a whole number from 1$"):
        read(environ={"RAG_CANDIDATES_K": "5"}, candidates_k=0)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"candidates_k": "many"}, "a whole number"),
        ({"candidates_k": 20.5}, "a whole number"),
        ({"candidates_k": True}, "a whole number"),
        ({"candidates_k": None}, "a whole number"),
        ({"threshold": "0.3"}, "a number"),
        ({"chat_timeout_s": "30"}, "a number"),
        ({"encoder": 5}, "a text"),
        ({"fusion": ["rrf"]}, "a text"),
        ({"passage_tokens": "64"}, "a whole number"),
    ],
)
def test_a_setting_of_another_type_is_refused_when_made_by_hand(given: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^setting {next(iter(given))} = .*; it has to be {rule}$"):
        Settings(**given)


def test_a_setting_is_checked_also_when_made_by_hand() -> None:
    with pytest.raises(ConfigurationError, match="hits_k = 0"):
        Settings(hits_k=0)


def test_a_cross_encoder_has_to_be_named_where_one_is_to_rerank() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^setting rerank = 'cross' needs .*cross_encoder \(RAG_CROSS_ENCODER\)"
    ):
        read(environ={"RAG_RERANK": "cross"})
    settings = read(environ={"RAG_RERANK": "cross", "RAG_CROSS_ENCODER": "some/model"})
    assert (settings.rerank, settings.cross_encoder) == ("cross", "some/model")


def test_every_setting_is_described() -> None:
    for field in fields(Settings):
        assert f"{field.name}: " in (Settings.__doc__ or "")


def test_a_library_fixes_what_it_was_built_with() -> None:
    built = {"encoder": "a/b", "passage_tokens": 64, "passage_chars": 300, "token_bits": 0, "precision": "float32"}
    assert Settings(leg_k=7).fixed(built, Path("l")) == Settings(leg_k=7, **built)
    assert Settings(encoder="a/b").fixed(built, Path("l")).encoder == "a/b"
    with pytest.raises(LibraryMismatch, match=r"library l .*passage_tokens 64, not 65"):
        Settings(passage_tokens=65).fixed(built, Path("l"))
    with pytest.raises(LibraryMismatch, match=r"library l .*token_bits 0, not 2"):
        Settings(token_bits=2).fixed(built, Path("l"))


def test_a_new_library_takes_what_is_asked_for_and_defaults() -> None:
    settings = Settings(passage_tokens=64).fixed({}, Path("l"))
    assert (settings.encoder, settings.passage_tokens, settings.passage_chars) == (DEFAULT_ENCODER, 64, 900)
    assert settings.token_bits == 2
    assert Settings(token_bits=0).fixed({}, Path("l")).token_bits == 0


def test_texts_are_encoded_at_eight_bits_only_by_the_encoder_that_was_measured_unless_asked_for() -> None:
    precisions = [
        Settings(**asked).fixed({}, Path("l")).precision
        for asked in ({}, {"encoder": "a/b"}, {"precision": "float32"}, {"encoder": "a/b", "precision": "int8"})
    ]
    assert precisions == ["int8", "float32", "float32", "int8"]
    with pytest.raises(LibraryMismatch, match=r"precision 'int8', not 'float32'"):
        Settings(precision="float32").fixed({"precision": "int8"}, Path("l"))
