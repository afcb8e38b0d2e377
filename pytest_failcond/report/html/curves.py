"""Degradation curves, drawn as SVG: sharp at any size, in the colours of the page around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_failcond.directions import Direction
from pytest_failcond.printing import escape_html
from pytest_failcond.report import direction_text, wording
from pytest_failcond.report.html.parts import tag, text
from pytest_failcond.run import Run
from pytest_failcond.statistics import Side, proportion_bound

_NAMES = {"right": "still right", "broken": "broken", "lost": "lost to the judge"}
_LETTER = 5.6  # width of one in a label, about


@dataclass(frozen=True)
class _Plot:
    """Where shares over shifts fall on a drawing of ``width`` x ``height``."""

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


def legend(run: Run) -> str:
    """Say what the lines are."""
    confidence = float(run.settings.get("confidence", 0.95))
    entries = [text("span", name, class_=f"key {kind}") for kind, name in _NAMES.items()]
    entries.append(text("span", "mean p(class)", class_="key p"))
    told = (
        f"share of the start images over the shift, σ; bands: {confidence:.0%} one-sided bounds, "
        "up and down (Clopper–Pearson); where nothing is claimed any more, the ground is gray"
    )
    return tag("p", *entries, text("span", told), class_="legend note")


def degradation(run: Run, direction: Direction, *, small: bool = False) -> str:
    """Draw what becomes of the start images over the shift, where they break, and what is valid."""
    curve = direction.curve
    plot = _Plot(max(curve.shift[-1], 0.5), *((280, 150) if small else (560, 240)))
    tested = min(direction.tested_to, plot.end)
    parts = [_beyond(plot, tested), *_axes(plot, step=2 if small and plot.end > 5 else 1)]
    counts = {"lost": curve.lost, "right": curve.right, "broken": curve.broken}
    for kind, found in counts.items():
        parts.append(_band(run, plot, kind, curve.shift, found, direction.total))
    for kind, found in counts.items():
        shares = [count / direction.total for count in found]
        parts.append(_line(plot, kind, curve.shift, shares))
    parts.append(_line(plot, "p", curve.shift, curve.mean_p))
    parts += _marks(plot, direction, tested)
    told = (
        f"Degradation curve of {direction_text.title(run, direction)}: breaks at "
        f"{direction_text.breaks_at(direction)}, valid to {direction_text.valid_to(direction)}, "
        f"broken {direction_text.broken(direction)}"
    )
    size = f"0 0 {plot.width} {plot.height}"
    kind = "curve small" if small else "curve"
    return tag("svg", *parts, viewBox=size, role="img", aria_label=told, class_=kind)


def _beyond(plot: _Plot, tested: float) -> str:
    x, y = plot.x(tested), plot.y(1)
    return tag("rect", x=f"{x:.1f}", y=f"{y:.1f}", width=f"{plot.x(plot.end) - x:.1f}",
               height=f"{plot.y(0) - y:.1f}", class_="beyond")  # fmt: skip


def _axes(plot: _Plot, step: int) -> list[str]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = plot.y(share)
        parts.append(_rule(plot.x(0), y, plot.x(plot.end), y, "grid"))
        parts.append(_label(plot.left - 5, y + 3.5, f"{share:g}", "end"))
    for shift in range(0, int(plot.end) + 1, step):
        parts.append(_label(plot.x(shift), plot.y(0) + 13, str(shift), "middle"))
    parts.append(_label(plot.x(plot.end / 2), plot.height - 4, "shift, σ", "middle"))
    return parts


def _band(
    run: Run, plot: _Plot, kind: str, shifts: Sequence[float], counts: Sequence[int], total: int
) -> str:
    confidence = float(run.settings.get("confidence", 0.95))

    def bounds(side: Side) -> list[float]:
        return [proportion_bound(count, total, confidence, side) for count in counts]

    there, back = plot.points(shifts, bounds("upper")), plot.points(shifts, bounds("lower"))
    around = " ".join([there, *reversed(back.split())])
    return tag("polygon", points=around, class_=f"band {kind}")


def _line(plot: _Plot, kind: str, shifts: Sequence[float], shares: Sequence[float]) -> str:
    return tag("polyline", points=plot.points(shifts, shares), class_=f"line {kind}")


def _marks(plot: _Plot, direction: Direction, tested: float) -> list[str]:
    """Mark the breaking shift and the valid range; each label stands on its outer side."""
    found, parts, taken = direction.breaking_shift, [], 0.0
    if found is not None and found <= tested:
        x, label = plot.x(found), f"breaks at {wording.sigma(found)}"
        width = _LETTER * len(label)
        outside = x - width > 0
        parts += [_rule(x, plot.y(1) - 5, x, plot.y(0), "break"),
                  _label(x, plot.y(1) - 8, label, "end" if outside else "start")]  # fmt: skip
        taken = x if outside else x + width
    if direction.valid_range is not None:
        x, label = plot.x(tested), f"valid to {wording.sigma(tested)}"
        width = _LETTER * len(label)
        outside = x + width < plot.width
        below = 12 if taken > (x if outside else x - width) else 0
        parts += [_rule(x, plot.y(1) - 5, x, plot.y(0), "valid"),
                  _label(x, plot.y(1) - 8 + below, label, "start" if outside else "end")]  # fmt: skip
    return parts


def _rule(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return tag("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", class_=kind)


def _label(x: float, y: float, words: str, anchor: str) -> str:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    return tag("text", escape_html(words), **place)
