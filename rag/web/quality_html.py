"""Evaluations and thresholds to the quality page's escaped HTML and drawings; knows no library and no Gradio."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from rag.web.documents_html import duration
from rag.web.documents_words import Words
from rag.web.evaluation_jobs import Evaluation
from rag.web.inert import name_html
from rag.web.said import worded
from rag.web.thresholds import STEPS, AtThreshold

TABLE_STEP = 5
FIGURES = (("answers", "contains"), ("retrieval", "hit@5"), ("abstention", "auroc"))


@dataclass(frozen=True)
class Offer:
    """What a reader may do: choose among libraries, evaluate this one, choose its threshold; gold sets at hand."""

    libraries: Sequence[str]
    write: bool
    admin: bool
    gold: Mapping[str, str]


def head_html(library: str, offer: Offer, words: Words) -> str:
    """Return the top of the page."""
    choice = ""
    if len(offer.libraries) > 1:
        options = "".join(
            f"<option{' selected' if one == library else ''}>{escape(one)}</option>" for one in offer.libraries
        )
        choice = (
            f'<span><label for="lg-measured">{escape(words["library"])}</label> '
            f'<select id="lg-measured" name="library" data-act="library">{options}</select></span>'
        )
    heading = f"<h1>{escape(words['title'])}</h1><p>{escape(words['intro'])}</p>"
    return f'<div class="lg-doc-head"><header class="lg-header">{heading}</header>{choice}</div>'


def run_html(library: str, offer: Offer, words: Words) -> str:
    """Return what an evaluation is begun with; nothing for who may not."""
    if not offer.write:
        return ""
    limit = (
        f"<label>{escape(words['limit'])} "
        f'<input type="number" name="limit" min="1" step="1" inputmode="numeric"></label>'
        f"<button>{escape(words['start'])}</button>"
    )
    known = ""
    if offer.gold:
        options = "".join(
            f'<option value="{escape(key)}">{name_html(said)}</option>' for key, said in offer.gold.items()
        )
        known = (
            f'<form data-act="evaluate"><h3>{escape(words["gold_known"])}</h3><label>{escape(words["gold"])} '
            f'<select name="gold">{options}</select></label>{limit}</form>'
        )
    upload = (
        f'<form data-act="refresh" data-url="./v1/evaluations?library={escape(library)}" '
        f'data-lost="{escape(words["lost_service"])}"><h3>{escape(words["gold_file"])}</h3>'
        f"<label>{escape(words['gold'])} "
        f'<input type="file" name="gold" accept=".jsonl,.ndjson" required></label>{limit}'
        f'<p class="lg-facts">{escape(words["gold_note"])}</p><p class="lg-error" role="alert" hidden></p></form>'
    )
    return _section("lg-run", words["run"], f'<div class="lg-add">{known}{upload}</div>')


def _section(key: str, heading: str, content: str) -> str:
    return f'<section aria-labelledby="{key}"><h2 id="{key}">{escape(heading)}</h2>{content}</section>'


def job_html(running: Evaluation | None, words: Words, *, write: bool) -> str:
    """Return how far the evaluation is that is under way."""
    if running is None:
        return ""
    said = escape(words["running"]).format(gold=name_html(running.gold))
    left = ""
    if 0 < running.done < running.total:
        left = duration(running.seconds / running.done * (running.total - running.done), words)
    counted = words["of"].format(done=running.done, total=running.total, left=left) if left else ""
    value = f' value="{running.done}" max="{running.total}"' if running.total else ""
    stop = f'<button data-act="cancel">{escape(words["cancel"])}</button>' if write else ""
    return (
        f'<div class="lg-job"><label>{said} <progress{value}></progress></label>'
        f'<span class="lg-facts">{escape(counted)}</span>{stop}</div>'
    )


def list_html(evaluations: Sequence[Evaluation], words: Words) -> str:
    """Return the evaluations of a library, newest first, as a table."""
    if not evaluations:
        return _section("lg-evaluations", words["evaluations"], f'<p class="lg-facts">{escape(words["none_yet"])}</p>')
    columns = ("gold", "state", "questions", "right", "found", "auroc", "report")
    numbers = {"questions", "right", "found", "auroc"}
    heads = "".join(
        f'<th scope="col"{" class=lg-number" if one in numbers else ""}>{escape(words[f"column_{one}"])}</th>'
        for one in columns
    )
    rows = "".join(_row_html(one, words) for one in evaluations)
    table = (
        f'<div class="lg-list lg-scroll" tabindex="0" role="group" aria-labelledby="lg-evaluations"><table><thead><tr>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    note = f'<p class="lg-facts">{escape(words["kept_note"])}</p>'
    return _section("lg-evaluations", words["evaluations"], table + note)


def _row_html(one: Evaluation, words: Words) -> str:
    state = words["running_state"] if one.status == "running" else words[one.status]
    detail = name_html(f"{state}: {worded(one.error, words['code'])}" if one.error else state)
    result = one.result or {}
    figures = "".join(
        f'<td class="lg-number">{_share((result.get(part) or {}).get(key))}</td>' for part, key in FIGURES
    )
    buttons = ""
    if one.has_report:
        label = escape(words["show_of"].format(gold=one.gold))
        buttons = (
            f'<button data-act="report" data-id="{one.id}" aria-label="{label}">{escape(words["show"])}</button> '
            f'<a href="./v1/evaluations/{one.id}/report?download=true" download>{escape(words["download"])}</a>'
        )
    return (
        f'<tr><td dir="auto">{name_html(one.gold)}</td><td class="lg-state lg-{one.status}">{detail}</td>'
        f'<td class="lg-number">{one.total:,}</td>{figures}<td>{buttons}</td></tr>'
    )


def _share(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "–"


def report_html(one: Evaluation, words: Words) -> str:
    """Return a report in a frame that may run the report's own script and reach nothing of this page or elsewhere.

    It has an address of its own: what stands in a frame's ``srcdoc`` is under the policy of the page around it, which
    lets no script of the report run.
    """
    title = escape(words["report_of"].format(gold=one.gold))
    return (
        f'<section aria-label="{title}"><div class="lg-bar"><h2>{title}</h2>'
        f'<button data-act="close">{escape(words["close"])}</button></div><iframe class="lg-report" title="{title}" '
        f'sandbox="allow-scripts" src="./v1/evaluations/{one.id}/report"></iframe></section>'
    )


@dataclass(frozen=True)
class Choice:
    """What a threshold is chosen on: an evaluation, what each threshold does, and the one in use."""

    evaluation: Evaluation
    points: Sequence[AtThreshold]
    in_use: float
    setting: float | None = None


def threshold_html(choice: Choice | None, words: Words, *, admin: bool) -> str:
    """Return the curve with a slider on it, the figures of the threshold it is at, and all of them as a table."""
    if choice is None:
        none = f'<p class="lg-facts">{escape(words["threshold_none"])}</p>'
        return _section("lg-threshold", words["threshold"], none)
    total = choice.points[0].questions
    note = escape(words["threshold_note"]).format(gold=name_html(choice.evaluation.gold), questions=f"{total:,}")
    at = round(choice.in_use * STEPS)
    rows = escape(json.dumps([[p.answered, p.wrong, p.refused, p.lost] for p in choice.points]))
    used = escape(words["in_use"].format(threshold=f"{choice.in_use:.2f}"))
    slider = (
        f'<div class="lg-slider"><label for="lg-slider">{escape(words["slider"])}</label> '
        f'<output for="lg-slider">{at / STEPS:.2f}</output><input id="lg-slider" type="range" name="threshold" min="0" '
        f'max="1" step="{1 / STEPS}" value="{at / STEPS}"></div>'
        f'<p class="lg-facts">{used}</p>'
    )
    overruled = ""
    if choice.setting is not None:
        overruled = f'<p class="lg-error">{escape(words["overruled"].format(threshold=f"{choice.setting:g}"))}</p>'
    buttons = f'<p class="lg-facts">{escape(words["only_admin"])}</p>'
    if admin:
        buttons = (
            f'<button class="lg-keep" data-act="keep" data-id="{choice.evaluation.id}" data-threshold="{at}">'
            f'{escape(words["keep"])}</button> <button data-act="reset">{escape(words["reset"])}</button>'
        )
    figures = _figures_html(choice.points[at], words)
    drawing = _drawn(choice.points, choice.points[at], words)
    panel = (
        f'<div class="lg-threshold" data-points="{rows}" data-questions="{total}"><p>{note}</p><div class="lg-add">'
        f'<div class="lg-curve" data-highest="{_highest(choice.points)}">{drawing}</div>'
        f"<div>{slider}{figures}{overruled}{buttons}</div></div>{_table_html(choice.points, words)}</div>"
    )
    return _section("lg-threshold", words["threshold"], panel)


def _figures_html(point: AtThreshold, words: Words) -> str:
    shown = (
        ("risk", _percent(point.wrong, point.answered)),
        ("coverage", _percent(point.answered, point.questions)),
        ("wrong", str(point.wrong)),
        ("refused", str(point.refused)),
        ("lost", str(point.lost)),
    )
    items = "".join(
        f'<div><dt>{escape(words[key])}</dt><dd data-figure="{key}">{value}</dd></div>' for key, value in shown
    )
    return f'<dl class="lg-figures" aria-live="polite">{items}</dl>'


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _drawn(points: Sequence[AtThreshold], chosen: AtThreshold, words: Words) -> str:
    from eval.plots import Axis, Series, lines

    known = sorted({(p.coverage, p.risk) for p in points if p.risk is not None})
    x, y = Axis(words["axis_coverage"], 0.0, 1.0), Axis(words["axis_risk"], 0.0, _highest(points))
    ring = ((chosen.coverage, chosen.risk or 0.0), f"{chosen.threshold:.2f}")
    return str(lines([Series(words["threshold"], known, ring)], x=x, y=y, label=words["curve"]))


def _highest(points: Sequence[AtThreshold]) -> float:
    return max(0.1, min(1.0, 1.1 * max((p.risk for p in points if p.risk is not None), default=0.0)))


def _table_html(points: Sequence[AtThreshold], words: Words) -> str:
    keys = ("threshold", "risk", "coverage", "wrong", "refused", "lost")
    named = {"threshold": words["column_threshold"]}
    heads = "".join(f'<th scope="col" class="lg-number">{escape(named.get(one, words[one]))}</th>' for one in keys)
    rows = "".join(
        f'<tr><th scope="row" class="lg-number">{p.threshold:.2f}</th>{_cells(p)}</tr>' for p in points[::TABLE_STEP]
    )
    return (
        f'<details><summary>{escape(words["table"])}</summary><div class="lg-list lg-scroll" tabindex="0" role="group"'
        " "
        f'aria-label="{escape(words["table"])}"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
        f"</div></details>"
    )


def _cells(point: AtThreshold) -> str:
    shown: Iterable[Any] = (
        _percent(point.wrong, point.answered),
        _percent(point.answered, point.questions),
        point.wrong,
        point.refused,
        point.lost,
    )
    return "".join(f'<td class="lg-number">{value}</td>' for value in shown)
