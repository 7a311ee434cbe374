"""A report's JSON values as the plots of its page: picks axes, names and notes; draws nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from markupsafe import Markup

from eval.glossary import written
from eval.plots import Axis, Series, histogram, lines, reliability


@dataclass(frozen=True)
class Plot:
    """A drawing with its title and a note on how to read it."""

    title: str
    svg: Markup
    note: str


def plots(values: Mapping[str, Any]) -> list[Plot]:
    """Return what can be drawn of a report."""
    systems = values.get("systems") or {_name(values): values}
    of_one = f" of {_name(values)}" if len(systems) > 1 else ""
    drawn = (_recall(systems), _risk_coverage(systems), _reliability(values, of_one), _latency(values, of_one))
    return [plot for plot in drawn if plot]


def _name(values: Mapping[str, Any]) -> str:
    return str((values.get("system") or {}).get("name") or "system")


def _curves(systems: Mapping[str, Any], name: str) -> dict[str, list[Sequence[float]]]:
    found = {system: (values.get("curves") or {}).get(name) or [] for system, values in systems.items()}
    return {system: points for system, points in found.items() if points}


def _recall(systems: Mapping[str, Any]) -> Plot | None:
    curves = _curves(systems, "recall")
    if not curves:
        return None
    series = [Series(name, [(k, share) for k, share in points]) for name, points in curves.items()]
    lowest = min(share for one in series for _, share in one.points)
    deepest = max(k for one in series for k, _ in one.points)
    y = Axis("recall@k", max(0.0, min(0.9, floor(lowest * 10) / 10)), 1.0)
    said = "; ".join(
        f"{one.name} {one.points[0][1]:.2f} at k = {one.points[0][0]:g}, "
        f"{one.points[-1][1]:.2f} at k = {one.points[-1][0]:g}"
        for one in series
    )
    svg = lines(series, x=Axis("k passages", min(1.0, deepest - 1.0), deepest), y=y, label=f"Recall at k. {said}.")
    return Plot("Recall@k", svg, "Share of the gold evidence that the first k passages hold.")


def _risk_coverage(systems: Mapping[str, Any]) -> Plot | None:
    curves = _curves(systems, "risk_coverage")
    if not curves:
        return None
    series = [Series(name, [(c, r) for c, r in points], _chosen(systems[name])) for name, points in curves.items()]
    highest = max([r for one in series for _, r in one.points] + [one.chosen[0][1] for one in series if one.chosen])
    said = "; ".join(f"{one.name}: {one.chosen[1]}" for one in series if one.chosen)
    y = Axis("risk: share wrong", 0.0, max(0.1, min(1.0, highest * 1.1)))
    svg = lines(series, x=Axis("coverage: share answered", 0.0, 1.0), y=y, label=f"Risk by coverage. {said}.")
    return Plot(
        "Risk and coverage",
        svg,
        "How many answers are wrong if only the surest are given. The ring is the threshold in use; lower is better.",
    )


def _chosen(values: Mapping[str, Any]) -> tuple[tuple[float, float], str] | None:
    found = values.get("abstention") or {}
    coverage, risk, threshold = (found.get(name) for name in ("coverage", "risk", "threshold"))
    if coverage is None or risk is None:
        return None
    at = "" if threshold is None else f"threshold {threshold:.2f}: "
    return (coverage, risk), f"{at}{coverage:.2f} answered, {risk:.2f} of that wrong"


def _reliability(values: Mapping[str, Any], of_one: str) -> Plot | None:
    bins = (values.get("curves") or {}).get("reliability") or []
    if not bins:
        return None
    said = "; ".join(f"confidence {mean:.2f}, {share:.2f} right" for mean, share, _ in bins)
    note = "On the diagonal a confidence is the share that is right; below it the system is too sure. Area: questions."
    return Plot(f"Reliability of the confidence{of_one}", reliability(bins, label=f"Reliability. {said}."), note)


def _latency(values: Mapping[str, Any], of_one: str) -> Plot | None:
    bins = (values.get("curves") or {}).get("latency_ms") or []
    if not bins or bins[-1][1] <= bins[0][0]:
        return None
    known = values.get("latency_ms") or {}
    marks = {f"{name} {written('latency_ms.', known[name])}": known[name] for name in ("p50", "p95") if known.get(name)}
    svg = histogram(bins, x_label="milliseconds", marks=marks, label=f"Questions by latency. {'; '.join(marks)}.")
    return Plot(f"Latency{of_one}", svg, "The last bar also counts all slower questions.")
