"""What the commands do: each calls the library and prints; where the world is wrong it raises a `RagError`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.dead_letters import check_writable, write_failed
from rag.errors import RagError
from rag.filters import from_typed
from rag.marks import around_mark_in_quote, copies_note, disagreement_lines, source_notes
from rag.printable import one_line, shown
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.backup import Backup
    from rag.library import Library
    from rag.schema import Answer, Citation, Hit
    from rag.sources import SourceFile
    from rag.writer import IndexReport, Progress

DONE, WRONG_WORLD = 0, 1
# Signs that no cleaned text holds, until the lines are wrapped; then what switches bold type on and off.
BOLD, PLAIN = "\x01", "\x02"
STAGES = {"read": "reading", "embed": "embedding", "index": "building the indexes"}
EMPHASIS = str.maketrans({BOLD: "\x1b[1m", PLAIN: "\x1b[22m"})


def _open(options: argparse.Namespace, *, create: bool) -> Library:
    from rag.library import Library

    return Library.open(options.library, create=create, settings=_settings(options))


def _settings(options: argparse.Namespace) -> Settings:
    toml = os.environ.get("RAG_CONFIG")
    return Settings.read(Path(toml) if toml else None, environ=os.environ, overrides={"encoder": options.encoder})


def run_index(options: argparse.Namespace) -> int:
    """Make the library hold exactly what is under the paths."""
    from rag.remote import find_sources, is_address

    if options.watch and (options.ray or options.failed or any(map(is_address, options.paths))):
        raise RagError("--watch follows folders of this machine; leave it out with --ray, --failed and addresses")
    if options.failed:
        check_writable(Path(options.failed))
    # A mistyped path must not leave an empty library behind.
    sources, left_out = find_sources(options.paths, _settings(options).parse_limits)
    with _on_ray(options.ray), _open(options, create=True) as library, _saying_what_is_kept(library):
        return _follow(options, library) if options.watch else _index(options, library, sources, left_out)


def _index(
    options: argparse.Namespace, library: Library, sources: Sequence[SourceFile], left_out: Mapping[str, str]
) -> int:
    with _progress() as progress:
        report = library.index_sources(sources, left_out=left_out, progress=progress, ray=options.ray)
    _note_folders(library, options.paths)
    return _report(options, library, report, failed=options.failed)


@contextmanager
def _on_ray(where: str | None) -> Iterator[None]:
    """Be connected to the Ray cluster that was asked for, and say which that is."""
    if where is None:
        yield
        return
    from rag.cluster.joining import cluster

    with cluster(where) as name:
        print(f"rag: reading and embedding on {shown(name)}", file=sys.stderr)
        yield


def _follow(options: argparse.Namespace, library: Library) -> int:
    from rag.following import Teller, following

    teller = Teller(_changes, as_json=options.json)
    follower = following(library, options.paths, teller)
    seen = follower.look()
    with _progress() as progress:
        report = library.index(options.paths, progress=progress)
    _note_folders(library, options.paths)
    teller.tell(report)
    if not options.json:
        print(f"following {shown(' '.join(options.paths))}; {report.documents} documents; Ctrl-C ends it", flush=True)
    try:
        follower.follow(seen)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("no longer following; the library is as of the last line") from None
    return DONE


@contextmanager
def _saying_what_is_kept(library: Library) -> Iterator[None]:
    """Let an interruption say what it leaves behind."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        if interruption.args:
            raise
        kept = library.unpublished()
        what = f"{kept} documents embedded so far are kept" if kept else "the library is as it was"
        raise KeyboardInterrupt(f"interrupted; {what}, run the command again to go on") from None


def run_add(options: argparse.Namespace) -> int:
    """Add files or folders."""
    from rag.remote import find_sources

    sources, left_out = find_sources(options.paths, _settings(options).parse_limits)
    with _open(options, create=True) as library:
        try:
            with _progress() as progress:
                report = library.add_sources(sources, left_out=left_out, progress=progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted; the library is as it was, run the command again") from None
        _note_folders(library, options.paths)
        return _report(options, library, report)


def _note_folders(library: Library, paths: Sequence[str]) -> None:
    """Note which folders were indexed, so that the documents page can offer to read them again."""
    library.note_folders(Path(path) for path in paths if os.path.isdir(path))


def _report(options: argparse.Namespace, library: Library, report: IndexReport, *, failed: str | None = None) -> int:
    if options.json:
        _print_json(asdict(report) | {"library": library.address})
    else:
        print(
            f"{report.documents} documents, {report.passages} passages in {shown(library.address)}: "
            f"{_changes(report)}, {report.unchanged} unchanged, {len(report.failed)} failed; "
            f"{report.embedded} passages embedded in {report.seconds:.1f} s{_rate(report)}"
        )
        if report.copies:
            print(f"{report.copies} of them with the same text as another one: rag list names them")
    if failed:
        write_failed(Path(failed), report.failed)
        print(f"rag: {len(report.failed)} left out; {shown(failed)} names them", file=sys.stderr)
    for source, reason in () if failed else report.failed.items():
        print(f"rag: left out {source!r}: {one_line(Exception(reason))}", file=sys.stderr)
    if not report.documents:
        print("rag: the library holds no documents now", file=sys.stderr)
        return WRONG_WORLD
    return DONE


def _changes(report: IndexReport) -> str:
    renamed = f", {report.renamed} renamed" if report.renamed else ""
    return f"{report.added} added, {report.updated} updated, {report.removed} removed{renamed}"


def _rate(report: IndexReport) -> str:
    return f" ({report.embedded / report.seconds:.0f} a second)" if report.embedded and report.seconds > 0 else ""


def run_remove(options: argparse.Namespace) -> int:
    """Remove documents by id."""
    with _open(options, create=False) as library:
        known = {d.id for d in library.documents()}
        missing = [i for i in options.ids if i not in known]
        if missing:
            raise RagError(
                f"no document {missing[0]!r} in {library.address}; rag list prints the ids; nothing was removed"
            )
        count = library.remove(options.ids)
    _print_json({"removed": count}) if options.json else print(f"{count} removed")
    return DONE


def run_list(options: argparse.Namespace) -> int:
    """List the documents."""
    with _open(options, create=False) as library:
        documents = library.documents()
    if options.json:
        _print_json([asdict(d) for d in documents])
        return DONE
    for document in documents:
        day = document.date or "-"
        same = f"\tsame text as {shown(document.same_text_as)}" if document.same_text_as else ""
        print(f"{shown(document.id)}\t{shown(day)}\t{document.passages} passages\t{shown(document.title)}{same}")
    return DONE


def run_ask(options: argparse.Namespace) -> int:
    """Print the answer to a question, with its citations."""
    with _open(options, create=False) as library:
        answer = library.ask(options.question, threshold=options.threshold, filters=from_typed(options.filter))
    if options.json:
        print(answer.to_json(indent=2))
    else:
        # Only a terminal can show what is asked for in a quote; elsewhere it would be signs in the text.
        bold = sys.stdout.isatty()
        print("\n".join(line.translate(EMPHASIS) for line in _answer_lines(answer, bold=bold)))
    return DONE


def _answer_lines(answer: Answer, *, bold: bool) -> Iterator[str]:
    yield from _said_lines(answer, bold=bold)
    if answer.notice:
        yield ""
        yield from textwrap.wrap(f"Note: {shown(answer.notice)}", 100)


def _said_lines(answer: Answer, *, bold: bool) -> Iterator[str]:
    if answer.abstained:
        yield from _refusal_lines(answer)
        return
    marks = ("".join(f" [{n}]" for n in s.citations) or " [not supported]" for s in answer.sentences)
    said = (shown(s.text) + mark for s, mark in zip(answer.sentences, marks, strict=True))
    yield from textwrap.wrap(" ".join(said), 100)
    yield ""
    yield f"Sources (confidence {answer.confidence:.2f}):"
    for citation in answer.citations:
        yield from _citation_lines(citation, bold=bold)
    for line in disagreement_lines(answer):
        yield ""
        yield from textwrap.wrap(line, 100)


def _refusal_lines(answer: Answer) -> Iterator[str]:
    yield from textwrap.wrap(answer.text, 100)
    if answer.hits:
        yield ""
        yield "Nearest passages (they do not answer the question):"
        yield from (line for hit in answer.hits[:3] for line in _hit_lines(hit))


def _citation_lines(citation: Citation, *, bold: bool) -> Iterator[str]:
    page = f", page {citation.page}" if citation.page else ""
    place = f"{shown(citation.document_id)}:{citation.start_char}-{citation.end_char}{page}"
    yield f"[{citation.number}] {place} {shown(citation.title)}"
    yield from (f"    ({shown(note)})" for note in source_notes(citation))
    before, asked, after = around_mark_in_quote(citation)
    quote = f'"{before}{BOLD}{asked}{PLAIN}{after}"' if bold and asked else f'"{citation.quote}"'
    yield from textwrap.wrap(quote, 96, initial_indent="    ", subsequent_indent="    ")


def _hit_lines(hit: Hit) -> Iterator[str]:
    p = hit.passage
    place = f"{shown(p.document_id)}:{p.start_char}-{p.end_char}"
    yield f"{hit.rank}. {place} (score {hit.score:.2f}) {shown(hit.title)}"
    if note := copies_note(hit.also_in):
        yield f"    ({shown(note)})"
    yield from textwrap.wrap(p.text, 96, initial_indent="    ", subsequent_indent="    ")


def run_search(options: argparse.Namespace) -> int:
    """Print the best passages for a query."""
    with _open(options, create=False) as library:
        hits = library.search(options.query, options.k, filters=from_typed(options.filter))
    if options.json:
        _print_json({"query": options.query, "hits": [hit.to_dict() for hit in hits]})
    else:
        print("\n".join(line for hit in hits for line in _hit_lines(hit)))
    return DONE


def run_serve(options: argparse.Namespace) -> int:
    """Serve the pages and the HTTP API until interrupted."""
    from rag.web.serve import Site, serve

    names, proxies = tuple(options.allowed_host), tuple(options.trusted_proxy)
    site = Site(options.host, options.port, names, proxies, options.log_format)
    root = Path(options.collections) if options.collections else None
    with _open(options, create=False) as library:
        serve(library, site=site, examples=options.example, root=root)
    return DONE


def run_token(options: argparse.Namespace) -> int:
    """Make, list or take back tokens."""
    from rag.web.token_command import run

    return run(options)


def run_mcp(options: argparse.Namespace) -> int:
    """Serve the tools of the Model Context Protocol until standard input ends."""
    from rag.web.collections import Collections
    from rag.web.mcp_server import serve_stdio

    root = Path(options.collections) if options.collections else None
    with _open(options, create=False) as library, Collections(library, root=root) as collections:
        serve_stdio(collections)
    return DONE


def run_eval(options: argparse.Namespace) -> int:
    """Evaluate on a gold set."""
    from eval.command import run

    return run(options, settings=_settings(options))


def run_calibrate(options: argparse.Namespace) -> int:
    """Fit confidence and threshold to a gold set, or take back what was fitted."""
    from eval.calibrate_command import run

    return run(options, settings=_settings(options))


def run_doctor(options: argparse.Namespace) -> int:
    """Look at everything, mend what can be mended, and print what was found."""
    from eval.calibrate import changed_gold
    from rag.doctor import examine

    findings = examine(options.library, encoder=options.encoder, changed_gold=changed_gold)
    if options.json:
        _print_json({"healthy": all(f.healthy for f in findings), "findings": [asdict(f) for f in findings]})
    else:
        for finding in findings:
            print(f"{'ok  ' if finding.healthy else 'BAD '} {finding.subject}: {shown(finding.message)}")
    return DONE if all(f.healthy for f in findings) else WRONG_WORLD


def run_backup(options: argparse.Namespace) -> int:
    """Keep a copy of the library."""
    with _open(options, create=False) as library:
        made = library.backup(options.destination)
        return _kept(options, library.address, made, options.destination, "kept in")


def run_restore(options: argparse.Namespace) -> int:
    """Make a library from a backup."""
    from rag.address import folder_of
    from rag.backup import restore
    from rag.location import absolute

    path = folder_of(options.library, "made from a backup")
    return _kept(options, str(path), restore(absolute(options.source), path), options.source, "made from")


def _kept(options: argparse.Namespace, library: str, backup: Backup, place: str, how: str) -> int:
    place = os.path.abspath(os.path.expanduser(place))
    if options.json:
        _print_json(asdict(backup) | {"library": library, "backup": place})
    else:
        print(
            f"{backup.documents} documents, {backup.passages} passages of {shown(library)} {how} {shown(place)}: "
            f"{backup.size_bytes:,} bytes, SHA-256 {backup.sha256[:12]}{_beside(backup)}"
        )
    return DONE


def _beside(backup: Backup) -> str:
    size = sum(file.size_bytes for file in backup.files.values())
    return f"; {len(backup.files):,} uploaded files and feedback files, {size:,} bytes" if backup.files else ""


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a bar on stderr, in bytes of the files, with rate and time left; nothing where stderr is no terminal."""
    from tqdm import tqdm

    stages = [""]
    with tqdm(unit="B", unit_scale=True, unit_divisor=1024, disable=None, leave=False) as bar:

        def show(stage: str, done: int, total: int) -> None:
            if stage != stages[-1]:
                # Rate and time left are those of one stage.
                stages.append(stage)
                bar.set_description(STAGES.get(stage, stage), refresh=False)
                bar.reset(total)
            bar.total = total
            bar.update(done - bar.n)

        yield show
