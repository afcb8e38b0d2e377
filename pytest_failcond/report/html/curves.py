"""Degradation curves, drawn as SVG: sharp at any size, in the colours of the page around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pytest_failcond.report import wording
from pytest_failcond.report.html.parts import tag
from pytest_failcond.statistics.bounds import Side, proportion_bound
from pytest_failcond.words.drawings import Curve, Legend, Line

_LETTER = 5.6  # width of one in a label, about


@dataclass(frozen=True)
class _Plot:
    """The places of shares over shifts on a drawing of ``width`` x ``height``."""

    end: float
    width: int
    height: int
    left: int = 30
    right: int = 8
    top: int = 22
    bottom: int = 30

    def x(self, shift: float) -> float:
        return self.left + (self.width - self.left - self.right) * shift / self.end

    def y(self, share: float) -> float:
        return self.top + (self.height - self.top - self.bottom) * (1 - share)

    def points(self, shifts: Sequence[float], shares: Sequence[float]) -> str:
        pairs = zip(shifts, shares, strict=True)
        return " ".join(f"{self.x(s):.1f},{self.y(share):.1f}" for s, share in pairs)


def legend(of: Legend) -> Markup:
    """Draw the legend of the lines."""
    entries = [tag("span", name, class_=f"key {kind}") for kind, name in of.names]
    return tag("p", *entries, tag("span", of.told), class_="legend note")


def draw(curve: Curve) -> Markup:
    """Draw the outcomes of the start images over the shift, the break, and the valid range."""
    small = bool(curve.caption)
    plot = _Plot(max(curve.shift[-1], 0.5), *((280, 150) if small else (560, 240)))
    tested = min(curve.tested, plot.end)
    parts = [
        _beyond(plot, tested),
        *_axes(plot, curve.axis, step=2 if small and plot.end > 5 else 1),
    ]
    counted = [line for line in curve.lines if line.total is not None]
    parts += [_band(curve, plot, line, line.total) for line in counted if line.total]
    parts += [_line(plot, curve, line) for line in curve.lines]
    parts += _marks(plot, curve, tested)
    size = f"0 0 {plot.width} {plot.height}"
    kind = "curve small" if small else "curve"
    drawn = tag("svg", *parts, viewBox=size, role="img", aria_label=curve.told, class_=kind)
    return tag("figure", tag("figcaption", curve.caption), drawn) if small else drawn


def _beyond(plot: _Plot, tested: float) -> Markup:
    x, y = plot.x(tested), plot.y(1)
    return tag("rect", x=f"{x:.1f}", y=f"{y:.1f}", width=f"{plot.x(plot.end) - x:.1f}",
               height=f"{plot.y(0) - y:.1f}", class_="beyond")  # fmt: skip


def _axes(plot: _Plot, axis: str, step: int) -> list[Markup]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = plot.y(share)
        parts.append(_rule(plot.x(0), y, plot.x(plot.end), y, "grid"))
        parts.append(_label(plot.left - 5, y + 3.5, f"{share:g}", "end"))
    for shift in range(0, int(plot.end) + 1, step):
        parts.append(_label(plot.x(shift), plot.y(0) + 13, str(shift), "middle"))
    parts.append(_label(plot.x(plot.end / 2), plot.height - 4, axis, "middle"))
    return parts


def _band(curve: Curve, plot: _Plot, line: Line, total: int) -> Markup:
    def bounds(side: Side) -> list[float]:
        return [proportion_bound(int(n), total, curve.confidence, side) for n in line.values]

    shifts = line.shifts(curve)
    there, back = plot.points(shifts, bounds("upper")), plot.points(shifts, bounds("lower"))
    around = " ".join([there, *reversed(back.split())])
    return tag("polygon", points=around, class_=f"band {line.kind}")


def _line(plot: _Plot, curve: Curve, line: Line) -> Markup:
    shares = [value / (line.total or 1) for value in line.values]
    points = plot.points(line.shifts(curve), shares)
    return tag("polyline", points=points, class_=f"line {line.kind}")


def _marks(plot: _Plot, curve: Curve, tested: float) -> list[Markup]:
    """Mark the breaking shift and the valid range; each label is on its outer side."""
    found, parts, taken = curve.breaks, [], 0.0
    if found is not None and found <= tested:
        x, label = plot.x(found), f"breaks at {wording.sigma(found)}"
        width = _LETTER * len(label)
        outside = x - width > 0
        parts += [_rule(x, plot.y(1) - 5, x, plot.y(0), "break"),
                  _label(x, plot.y(1) - 8, label, "end" if outside else "start")]  # fmt: skip
        taken = x if outside else x + width
    if curve.valid:
        x, label = plot.x(tested), f"valid to {wording.sigma(tested)}"
        width = _LETTER * len(label)
        outside = x + width < plot.width
        below = 12 if taken > (x if outside else x - width) else 0
        parts += [_rule(x, plot.y(1) - 5, x, plot.y(0), "valid"),
                  _label(x, plot.y(1) - 8 + below, label, "start" if outside else "end")]  # fmt: skip
    return parts


def _rule(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", class_=kind)


def _label(x: float, y: float, words: str, anchor: str) -> Markup:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    return tag("text", words, **place)
