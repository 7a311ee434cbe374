"""Long measurements, printed as Markdown; each compares ways in one run on one machine, so that ratios can be trusted.

python -m eval.bench [--only NAME,NAME] [--data FOLDER] [--corpus FILE] [--work FOLDER]

Knows which parts there are and what each needs; a part whose data are not at hand says so and is left out.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from eval.bench_api import api_report
from eval.bench_choices import SETS, choices_report
from eval.bench_claims import claims_report
from eval.bench_damage import damage_report
from eval.bench_faults import compiler, faults_report
from eval.bench_fuzz import fuzz_report
from eval.bench_fuzz_files import files_report
from eval.bench_hostile import hostile_report
from eval.bench_library import token_line
from eval.bench_load import load_report
from eval.bench_quality import HEADING, quality
from eval.bench_scale import scale_report
from eval.bench_soak import soak_report
from eval.bench_speed import askers_line, cold_start_line, indexing_table, search_table
from eval.bench_vectors import vectors_report
from eval.bench_writers import writers_report
from eval.dialogues import read_dialogues
from eval.fit_rerank import FITTED, held
from eval.fit_rerank import table as weights_table
from eval.gold import GoldSet, read_gold
from eval.kept import code_digest, open_gold_library
from eval.talk import converse, document
from eval.talk import lines as talk_lines
from rag import Library, Settings
from rag.errors import RagError

ROOT = Path(__file__).resolve().parent.parent
# What speed is measured on: sixteen long articles, thousands of questions.
SPEED_SET = "squad2"
COLD_QUESTION = "Who is the CEO of Geespace?"


class Missing(Exception):
    """Data that a part needs are not at hand; the message says which, and how to name them."""


def main(arguments: list[str] | None = None) -> int:
    """Print the parts asked for, each under a heading.

    Args:
        arguments: Of the command line; those of the process when ``None``.

    Returns:
        0; 1 when the world is wrong.
    """
    options = _parser().parse_args(arguments)
    print(f"{_machine()}\n", flush=True)
    try:
        for name in options.only:
            print(f"## {name}\n", flush=True)
            try:
                for block in PARTS[name](options):
                    print(block, flush=True)
            except Missing as missing:
                print(f"left out: {missing}\n", flush=True)
    except (RagError, ChildProcessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _machine() -> str:
    """Return what tells whether times mean anything: processors, and how many processes wanted them before the run."""
    busy = f"; load average before this run {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}{busy}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="Measure quality, speed and scale.")
    parser.add_argument(
        "--only",
        type=_parts,
        default=list(PARTS),
        metavar="NAME,NAME",
        help=f"parts: {', '.join(PARTS)} (default: all)",
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of gold sets")
    parser.add_argument("--corpus", type=_file, help="JSON Lines file of id, title and text, for scale")
    parser.add_argument(
        "--work",
        type=Path,
        help="folder that keeps the large library, and points of faults that were tried (default: a temporary one)",
    )
    parser.add_argument("--limit", type=_count, help="questions of each set, spread evenly over it (default: all)")
    parser.add_argument(
        "--questions",
        type=_count,
        default=400,
        help="questions for speed, of each set for choices, and requests to each endpoint for api (default: 400)",
    )
    parser.add_argument("--rounds", type=_count, default=5, help="rounds of indexing and of changes (default: 5)")
    parser.add_argument("--passages", type=_count, default=100_000, help="of the large library (default: 100,000)")
    parser.add_argument(
        "--encoder", default="tiny", help="of the libraries for ray: tiny, one layer of the default one, or a model"
    )
    parser.add_argument("--place", metavar="ADDRESS", help="of the libraries for ray, with NAME where they differ")
    parser.add_argument("--vectors", type=_count, default=1_000_000, help="synthetic vectors (default: 1,000,000)")
    parser.add_argument("--requests", type=_count, default=10_000, help="questions of a soak (default: 10,000)")
    parser.add_argument("--seconds", type=_count, default=600, help="of fuzzing (default: 600)")
    parser.add_argument("--seed", type=_count, default=1, help="of what is random in fuzzing (default: 1)")
    return parser


def _parts(names: str) -> list[str]:
    unknown = [name for name in names.split(",") if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown part {unknown[0]!r}; known are {', '.join(PARTS)}")
    return names.split(",")


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def _file(text: str) -> Path:
    # Known before the first part runs: those before scale take hours.
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}; name one of JSON Lines, or leave it out")
    return Path(text)


def _quality(options: argparse.Namespace) -> Iterator[str]:
    yield HEADING
    lines = []
    with TemporaryDirectory() as folder, Library.open(Path(folder) / "seeds") as library:
        library.index(ROOT / "seeds")
        rows, line = quality(read_gold(ROOT / "eval" / "gold.jsonl"), library, options.limit)
        yield rows
        lines.append(line)
    sets = sorted(path.parent for path in options.data.glob("*/questions.jsonl"))
    for path in sets:
        gold = read_gold(path)
        with open_gold_library(gold) as own:
            rows, line = quality(gold, own, options.limit)
        yield rows
        lines.append(line)
    yield _paragraph("\n" + "\n".join(f"- {line}" for line in lines))
    if not sets:
        raise Missing(f"public sets: {options.data} holds none; name a folder with --data (make bench DATA=FOLDER)")


def _dialogues(_options: argparse.Namespace) -> Iterator[str]:
    dialogues = read_dialogues(ROOT / "eval" / "dialogues.jsonl")
    with TemporaryDirectory() as folder, Library.open(Path(folder) / "seeds") as library:
        library.index(ROOT / "seeds")
        yield _paragraph("\n".join(talk_lines(document(dialogues, converse(dialogues, library)))))


def _weights(options: argparse.Namespace) -> Iterator[str]:
    if not held(options.data, FITTED):
        raise Missing(
            f"{options.data} holds none of {', '.join(FITTED)}; name the folder of one with --data "
            "(make bench DATA=FOLDER)"
        )
    yield _paragraph(weights_table(options.data, shown=FITTED, limit=options.limit))


def _choices(options: argparse.Namespace) -> Iterator[str]:
    names = held(options.data, SETS)
    if not names:
        raise Missing(
            f"{options.data} holds none of {', '.join(SETS)}; name the folder of one with --data "
            "(make bench DATA=FOLDER)"
        )
    yield from map(_paragraph, choices_report(options.data, names=names, questions=options.questions))


def _claims(options: argparse.Namespace) -> Iterator[str]:
    gold = read_gold(ROOT / "eval" / "gold.jsonl")
    yield from map(_paragraph, claims_report(options.data, gold, ROOT / "seeds", limit=options.limit))


def _start(_options: argparse.Namespace) -> Iterator[str]:
    with TemporaryDirectory() as folder:
        with Library.open(Path(folder) / "seeds") as library:
            library.index(ROOT / "seeds")
        yield _paragraph(cold_start_line(Path(folder) / "seeds", COLD_QUESTION))


def _speed(options: argparse.Namespace) -> Iterator[str]:
    yield _paragraph(search_table(_speed_set(options), questions=options.questions))


def _askers(options: argparse.Namespace) -> Iterator[str]:
    yield _paragraph(askers_line(_speed_set(options), questions=options.questions))


def _indexing(options: argparse.Namespace) -> Iterator[str]:
    yield _paragraph(indexing_table(_speed_set(options), rounds=options.rounds))


def _tokens(options: argparse.Namespace) -> Iterator[str]:
    with open_gold_library(_speed_set(options)) as library:
        yield _paragraph(f"{SPEED_SET}: {token_line(library)}")


def _scale(options: argparse.Namespace) -> Iterator[str]:
    if options.corpus is None:
        raise Missing("no large corpus; name a JSON Lines file with --corpus (make bench CORPUS=FILE WORK=FOLDER)")
    gold = read_gold(options.data / SPEED_SET) if (options.data / SPEED_SET).is_dir() else None
    with TemporaryDirectory() as folder:
        work = (options.work or Path(folder)).absolute()
        report = scale_report(
            options.corpus.absolute(), work, passages=options.passages, gold=gold, rounds=options.rounds
        )
        yield from map(_paragraph, report)


def _vectors(options: argparse.Namespace) -> Iterator[str]:
    if options.work:
        options.work.mkdir(parents=True, exist_ok=True)
    yield _paragraph(vectors_report(options.vectors, work=options.work and options.work.absolute()))


def _faults(options: argparse.Namespace) -> Iterator[str]:
    if compiler() is None:
        raise Missing("a C compiler, or Linux; install gcc")
    kept = None
    if options.work:
        options.work.mkdir(parents=True, exist_ok=True)
        # Points are those of one state of the code.
        kept = options.work / f"faults-{code_digest(harness=True)[:12]}.jsonl"
    with _in_memory() as folder:
        yield from map(_paragraph, faults_report(Path(folder), kept=kept))


def _damage(_options: argparse.Namespace) -> Iterator[str]:
    with _in_memory() as folder:
        yield from map(_paragraph, damage_report(Path(folder)))


def _writers(_options: argparse.Namespace) -> Iterator[str]:
    with _in_memory() as folder:
        yield from map(_paragraph, writers_report(Path(folder)))


def _fuzz(options: argparse.Namespace) -> Iterator[str]:
    with _in_memory() as folder:
        yield from map(_paragraph, fuzz_report(Path(folder), seconds=options.seconds, seed=options.seed))


def _in_memory() -> TemporaryDirectory[str]:
    """Return a folder for many small libraries: what is tried is what is written, not whether the disk has it."""
    memory = "/dev/shm"  # noqa: S108
    return TemporaryDirectory(dir=memory if Path(memory).is_dir() else None, ignore_cleanup_errors=True)


def _hostile(_options: argparse.Namespace) -> Iterator[str]:
    yield from hostile_report()


def _fuzz_files(options: argparse.Namespace) -> Iterator[str]:
    yield from files_report(seconds=options.seconds, seed=options.seed)


def _load(_options: argparse.Namespace) -> Iterator[str]:
    with TemporaryDirectory() as folder:
        with Library.open(Path(folder) / "seeds") as library:
            library.index(ROOT / "seeds")
        yield from map(_paragraph, load_report(Path(folder) / "seeds"))


def _soak(options: argparse.Namespace) -> Iterator[str]:
    questions = [question.question for question in read_gold(ROOT / "eval" / "gold.jsonl").questions]
    with TemporaryDirectory() as folder:
        with Library.open(Path(folder) / "seeds") as library:
            library.index(ROOT / "seeds")
        report = soak_report(Path(folder) / "seeds", questions=questions, requests=options.requests)
        yield from map(_paragraph, report)


def _ray(options: argparse.Namespace) -> Iterator[str]:
    if find_spec("ray") is None:
        raise Missing("it needs Ray; run: pip install 'leadgoose[ray]'")
    if options.corpus is None:
        raise Missing("no large corpus; name a JSON Lines file with --corpus (make bench CORPUS=FILE)")
    from eval.bench_ray import ray_report
    from eval.tiny_encoder import write_first_layers

    with TemporaryDirectory(dir=options.work) as folder:
        work = Path(folder)
        encoder = str(write_first_layers(work / "one-layer")) if options.encoder == "tiny" else options.encoder
        place = partial(_place, options.place or str(work / "NAME"))
        report = ray_report(
            options.corpus, work, passages=options.passages, settings=Settings(encoder=encoder), place=place
        )
        yield from map(_paragraph, report)


def _place(pattern: str, name: str) -> str:
    return pattern.replace("NAME", name)


def _api(options: argparse.Namespace) -> Iterator[str]:
    if find_spec("schemathesis") is None:
        raise Missing("it needs the package schemathesis; run: pip install 'leadgoose[dev]'")
    yield from api_report(examples=options.questions)


PARTS: Mapping[str, Callable[[argparse.Namespace], Iterator[str]]] = {
    "quality": _quality,
    "dialogues": _dialogues,
    "weights": _weights,
    "choices": _choices,
    "claims": _claims,
    "start": _start,
    "speed": _speed,
    "askers": _askers,
    "indexing": _indexing,
    "tokens": _tokens,
    "scale": _scale,
    "vectors": _vectors,
    "faults": _faults,
    "damage": _damage,
    "writers": _writers,
    "hostile": _hostile,
    "fuzz-files": _fuzz_files,
    "fuzz": _fuzz,
    "load": _load,
    "soak": _soak,
    "api": _api,
    "ray": _ray,
}


def _paragraph(text: str) -> str:
    return f"{text}\n"


def _speed_set(options: argparse.Namespace) -> GoldSet:
    folder = options.data / SPEED_SET
    if not folder.is_dir():
        raise Missing(
            f"{folder} is missing; name the folder that holds {SPEED_SET} with --data (make bench DATA=FOLDER)"
        )
    return read_gold(folder)


if __name__ == "__main__":
    sys.exit(main())
