"""What the source tree as a whole keeps to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(file for folder in ("rag", "embeddings", "eval", "tests") for file in (ROOT / folder).glob("**/*.py"))


def bound_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.alias(name=name, asname=alias):
                yield alias or name.partition(".")[0]
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names


def test_no_module_binds_the_bare_name_eval() -> None:
    assert SOURCES
    for path in SOURCES:
        assert "eval" not in bound_names(ast.parse(path.read_text(encoding="utf-8"))), path


@pytest.mark.parametrize(
    "code",
    [
        "import eval",
        "import eval.metrics",
        "import rag as eval",
        "from rag import eval",
        "def eval(): pass",
        "class eval: pass",
        "eval = 1",
        "for eval in (): pass",
        "lambda eval: 0",
        "def f(*, eval=1): pass",
        "(eval := 1)",
        "try: pass\nexcept OSError as eval: pass",
    ],
)
def test_every_way_to_bind_the_bare_name_is_seen(code: str) -> None:
    assert "eval" in bound_names(ast.parse(code))


@pytest.mark.parametrize("code", ["from eval.metrics import mean", "import eval.metrics as metrics", "eval('1')"])
def test_importing_names_from_the_package_binds_nothing(code: str) -> None:
    assert "eval" not in bound_names(ast.parse(code))
