"""A few SVG shapes: just what the page's charts need, as text.

Colours come from the page's style sheet by class, so that a chart follows light,
dark and print without being drawn again. Coordinates are rounded to a tenth of a
pixel, which keeps the bytes stable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

__all__ = ["Chart", "ticks"]

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 360, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 20, 12, 38


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round values that cover ``[low, high]`` in at most `most` steps.

    Examples
    --------
    >>> ticks(0, 0.23)
    [0.0, 0.05, 0.1, 0.15, 0.2, 0.25]
    """
    span = max(high - low, 1e-12)
    raw = span / most
    scale = 10 ** math.floor(math.log10(raw))
    step = next(factor * scale for factor in (1, 2, 2.5, 5, 10) if factor * scale >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


@dataclass(slots=True)
class Chart:
    """One chart under construction, in data coordinates.

    Attributes
    ----------
    title, description : str
        Read aloud by screen readers.
    x, y : tuple of two floats
        Range of the axes.
    """

    title: str
    description: str
    x: tuple[float, float]
    y: tuple[float, float]
    _parts: list[str] = field(default_factory=list)

    def px(self, value: float) -> float:
        """Horizontal position of a value."""
        low, high = self.x
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def py(self, value: float) -> float:
        """Vertical position of a value."""
        low, high = self.y
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def axes(
        self,
        *,
        x_ticks: Iterable[tuple[float, str]],
        y_ticks: Iterable[tuple[float, str]],
        x_label: str,
    ) -> None:
        """Draw the grid, the tick labels and the name of the horizontal axis."""
        for value, text in y_ticks:
            level = self.py(value)
            self._add(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level:.1f}" y2="{level:.1f}"/>')
            self.text(LEFT - 6, level + 4, text, "tick", "end")
        for value, text in x_ticks:
            self.text(self.px(value), HEIGHT - BOTTOM + 15, text, "tick", "middle")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, x_label, "axis", "middle")

    def line(self, points: Points, style: str) -> None:
        """Join points by a line."""
        path = " ".join(f"{self.px(x):.1f},{self.py(y):.1f}" for x, y in points)
        self._add(f'<polyline class="line {style}" points="{path}"/>')

    def area(self, points: Points, style: str) -> None:
        """Fill between points and the bottom of the chart."""
        floor = self.py(self.y[0])
        path = " ".join(f"{self.px(x):.1f},{self.py(y):.1f}" for x, y in points)
        first, last = self.px(points[0][0]), self.px(points[-1][0])
        self._add(f'<polygon class="area {style}" points="{first:.1f},{floor:.1f} {path} {last:.1f},{floor:.1f}"/>')

    def dots(self, points: Points, style: str, radius: float = 3.5) -> None:
        """Mark points."""
        for x, y in points:
            self._add(f'<circle class="dot {style}" cx="{self.px(x):.1f}" cy="{self.py(y):.1f}" r="{radius}"/>')

    def whiskers(self, intervals: Iterable[tuple[float, float, float]], style: str) -> None:
        """Draw an interval (x, low, high) at each place."""
        for x, low, high in intervals:
            at = f'x1="{self.px(x):.1f}" x2="{self.px(x):.1f}"'
            self._add(f'<line class="whisker {style}" {at} y1="{self.py(low):.1f}" y2="{self.py(high):.1f}"/>')

    def bars(self, bars: Iterable[tuple[float, float, float, str]]) -> None:
        """Draw bars (from, to, height, style) standing on the bottom."""
        floor = self.py(self.y[0])
        for start, end, value, style in bars:
            left, top = self.px(start), self.py(value)
            width = max(self.px(end) - left, 1)
            self._add(
                f'<rect class="bar {style}" x="{left:.1f}" y="{top:.1f}" '
                f'width="{width:.1f}" height="{max(floor - top, 0):.1f}"/>'
            )

    def label(self, x: float, y: float, text: str, style: str, anchor: str = "start", *, lift: float = 0) -> None:
        """Write beside a point; `lift` moves the text up by pixels."""
        self.text(self.px(x), self.py(y) - lift, text, f"label {style}", anchor)

    def text(self, x: float, y: float, text: str, style: str, anchor: str) -> None:
        """Write at a position in pixels."""
        self._add(f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>')

    def markup(self) -> Markup:
        """Return the finished picture."""
        head = (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">'
            f"<title>{escape(self.title)}</title><desc>{escape(self.description)}</desc>"
        )
        # Every part above was built from numbers and escaped text only.
        return Markup(head + "".join(self._parts) + "</svg>")  # noqa: S704

    def _add(self, part: str) -> None:
        self._parts.append(part)


def labelled(values: Iterable[float], show: Callable[[float], str]) -> list[tuple[float, str]]:
    """Pair tick values with their text."""
    return [(value, show(value)) for value in values]
