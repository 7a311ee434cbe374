"""Numbers to inline SVG, coloured by classes of the page that holds it; knows nothing of metrics, files and scripts.

A plot is readable from 320 pixels on: it has a view box and takes the width it is given. What a reader cannot see, an
``aria-label`` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10, sqrt

from markupsafe import Markup

# In units of the view box, which is about as many pixels on a phone.
WIDTH, HEIGHT = 360, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 16, 44
LINE_HEIGHT = 18
NAME_CHARS = 44
PALETTE = 8  # classes s0 to s7 of the style sheet
LARGEST_POINT = 11
BAR_WIDTH, BAR_HEIGHT = 100, 10

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """One axis of a plot: what it shows, from where to where."""

    label: str
    low: float
    high: float

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values within the axis, at most about ``most``."""
        span = self.high - self.low
        raw = span / most
        power = 10.0 ** floor(log10(raw))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
        first = ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Series:
    """A named line of points; ``chosen`` is a point of it that is pointed out, with what it is."""

    name: str
    points: Sequence[Point]
    chosen: tuple[Point, str] | None = None


@dataclass(frozen=True)
class _Frame:
    """Places values on the plot's area."""

    x: Axis
    y: Axis

    def at_x(self, value: float) -> float:
        share = (value - self.x.low) / (self.x.high - self.x.low)
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    def at_y(self, value: float) -> float:
        share = (value - self.y.low) / (self.y.high - self.y.low)
        return HEIGHT - BOTTOM - min(max(share, 0.0), 1.0) * (HEIGHT - TOP - BOTTOM)


def lines(series: Sequence[Series], *, x: Axis, y: Axis, label: str) -> Markup:
    """Return one line a series, with a legend when there are several.

    Args:
        series: Told apart by colour, dashes and legend.
        x: The horizontal axis.
        y: The vertical axis.
        label: What the plot shows, in words.

    Returns:
        An ``svg`` element.
    """
    frame = _Frame(x, y)
    parts = [_axes(frame)]
    parts += [_line(frame, one, f"s{number % PALETTE}") for number, one in enumerate(series)]
    legend = [_legend(one.name, row) for row, one in enumerate(series)] if len(series) > 1 else []
    return _svg([*parts, *legend], label=label, height=HEIGHT + LINE_HEIGHT * len(legend))


def reliability(bins: Iterable[Sequence[float]], *, label: str) -> Markup:
    """Return a reliability diagram: a point a bin, its area by its questions, and how far it is from the diagonal.

    Args:
        bins: Mean confidence, share right and questions of each bin.
        label: What the plot shows, in words.

    Returns:
        An ``svg`` element.

    Reference:
        DeGroot, Fienberg 1983, The Comparison and Evaluation of Forecasters.
    """
    known = [(confidence, share, int(questions)) for confidence, share, questions in bins]
    frame = _Frame(Axis("mean confidence", 0.0, 1.0), Axis("share right", 0.0, 1.0))
    most = max((questions for _, _, questions in known), default=1)
    parts = [_axes(frame), _path(frame, [(0.0, 0.0), (1.0, 1.0)], class_="guide")]
    for confidence, share, questions in known:
        parts.append(_path(frame, [(confidence, confidence), (confidence, share)], class_="gap"))
        said = f"{questions} questions: mean confidence {confidence:.2f}, {share:.2f} right"
        radius = max(2.5, LARGEST_POINT * sqrt(questions / most))
        parts.append(_point(frame, (confidence, share), said, r=radius, class_="s0 point"))
    return _svg(parts, label=label)


def histogram(bins: Sequence[Sequence[float]], *, x_label: str, marks: Mapping[str, float], label: str) -> Markup:
    """Return a histogram with named vertical marks.

    Args:
        bins: From, to and questions of each bin, ascending; at least one.
        x_label: What the horizontal axis shows.
        marks: Values to point out, by name.
        label: What the plot shows, in words.

    Returns:
        An ``svg`` element.
    """
    top = max(questions for _, _, questions in bins)
    frame = _Frame(Axis(x_label, bins[0][0], bins[-1][1]), Axis("questions", 0.0, max(1.0, top * 1.12)))
    parts = [_axes(frame)]
    for low, high, questions in bins:
        left, right, height = frame.at_x(low), frame.at_x(high), frame.at_y(0.0) - frame.at_y(questions)
        title = _element("title", f"{low:.1f} to {high:.1f} ms: {questions:g} questions")
        parts.append(
            _element(
                "rect", title, x=left + 0.5, y=frame.at_y(questions), class_="s0 column", height=height,
                width=max(right - left - 1.0, 0.5),
            )
        )  # fmt: skip
    parts += [_mark(frame, name, value, row) for row, (name, value) in enumerate(marks.items())]
    return _svg(parts, label=label)


def bar(share: float, *, label: str) -> Markup:
    """Return a share, in [0, 1], as a bar that fills so much of its track."""
    track = _element("rect", x=0, y=1, width=BAR_WIDTH, height=BAR_HEIGHT - 2, class_="track")
    filled = _element("rect", x=0, y=1, width=BAR_WIDTH * _within(share), height=BAR_HEIGHT - 2, class_="fill")
    return _svg([track, filled], label=label, width=BAR_WIDTH, height=BAR_HEIGHT, class_="bar")


def whisker(value: float, interval: Sequence[float] | None, *, label: str) -> Markup:
    """Return a value in [0, 1] as a dot on a track, with its interval as a whisker."""
    middle = BAR_HEIGHT / 2
    parts = [_element("rect", x=0, y=middle - 0.5, width=BAR_WIDTH, height=1, class_="track")]
    if interval:
        low, high = (BAR_WIDTH * _within(end) for end in interval)
        parts.append(_element("rect", x=low, y=middle - 1.5, width=max(high - low, 0.5), height=3, class_="span"))
    parts.append(_element("circle", cx=4 + (BAR_WIDTH - 8) * _within(value), cy=middle, r=3.5, class_="dot"))
    return _svg(parts, label=label, width=BAR_WIDTH, height=BAR_HEIGHT, class_="bar")


def _within(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def _axes(frame: _Frame) -> Markup:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for value in frame.y.ticks():
        at = frame.at_y(value)
        parts.append(_element("line", x1=LEFT, x2=right, y1=at, y2=at, class_="grid"))
        parts.append(_element("text", f"{value:.6g}", x=LEFT - 6, y=at + 4, class_="end"))
    for value in frame.x.ticks():
        parts.append(_element("text", f"{value:.6g}", x=frame.at_x(value), y=bottom + 16, class_="middle"))
    parts.append(_element("line", x1=LEFT, x2=right, y1=bottom, y2=bottom, class_="axis"))
    parts.append(_element("text", frame.x.label, x=(LEFT + right) / 2, y=bottom + 36, class_="middle name"))
    turned = f"rotate(-90 12 {(TOP + bottom) / 2:g})"
    parts.append(
        _element("text", frame.y.label, x=12, y=(TOP + bottom) / 2 + 2, transform=turned, class_="middle name")
    )
    return Markup("").join(parts)


def _line(frame: _Frame, series: Series, class_: str) -> Markup:
    parts = [_path(frame, series.points, class_=f"{class_} line")]
    few = len(series.points) <= 12
    for x, y in series.points if few else ():
        parts.append(_point(frame, (x, y), f"{series.name}: {x:.6g}, {y:.3f}", r=3, class_=f"{class_} point"))
    if series.chosen:
        point, said = series.chosen
        parts.append(_point(frame, point, f"{series.name}: {said}", r=5.5, class_=f"{class_} chosen"))
    return Markup("").join(parts)


def _path(frame: _Frame, points: Iterable[Point], *, class_: str) -> Markup:
    places = " ".join(f"{frame.at_x(x):.1f},{frame.at_y(y):.1f}" for x, y in points)
    return _element("polyline", points=places, class_=class_)


def _point(frame: _Frame, at: Point, said: str, *, r: float, class_: str) -> Markup:
    return _element("circle", _element("title", said), cx=frame.at_x(at[0]), cy=frame.at_y(at[1]), r=r, class_=class_)


def _mark(frame: _Frame, name: str, value: float, row: int) -> Markup:
    at, top = frame.at_x(value), TOP + 12 * row
    before = at > WIDTH * 0.7
    line = _element("line", x1=at, x2=at, y1=top - 8, y2=HEIGHT - BOTTOM, class_="mark")
    beside = at - 4 if before else at + 4
    return line + _element("text", name, x=beside, y=top, class_="end strong" if before else "strong")


def _legend(name: str, row: int) -> Markup:
    y, class_ = HEIGHT + LINE_HEIGHT * row + 4, f"s{row % PALETTE}"
    sample = _element("polyline", points=f"{LEFT},{y} {LEFT + 30},{y}", class_=f"{class_} line")
    shown = name if len(name) <= NAME_CHARS else name[: NAME_CHARS - 1] + "…"
    text = _element("text", shown, _element("title", name), x=LEFT + 38, y=y + 4, class_="strong")
    return sample + text


def _svg(
    parts: Iterable[Markup], *, label: str, width: int = WIDTH, height: int = HEIGHT, class_: str = "plot"
) -> Markup:
    return _element("svg", *parts, viewBox=f"0 0 {width} {height}", role="img", aria_label=label, class_=class_)


def _element(name: str, /, *children: str, **attributes: str | float) -> Markup:
    """Return an element; text and attributes are escaped, what is markup already stays."""
    given = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _written(value))
        for key, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(name, given, Markup("").join(children))


def _written(value: str | float) -> str:
    if isinstance(value, str):
        return value
    if not isfinite(value):
        raise ValueError(f"{value} cannot be drawn; leave out what is undefined")
    return f"{value:.2f}".rstrip("0").rstrip(".")
