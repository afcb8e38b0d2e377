"""The text of the progress line, from the notes of all processes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pytest_failcond.measuring.progress.notes import Current, Notes
from pytest_failcond.probes.keys import CorpusKey, Key, RankingKey
from pytest_failcond.words.printing import plural

_LONG = 60.0  # s; the memory of shorter work is not shown
_MOST_KEYS = 4  # shown at once; with more processes, the rest are counted


@dataclass(frozen=True)
class Plan:
    """The session's plan: keys of cells (clean images among them) and rankings."""

    cells: frozenset[Key] = frozenset()
    rankings: frozenset[Key] = frozenset()

    @staticmethod
    def of(units: Collection[Key]) -> Plan:
        """Sort the result of `plan.share_of`; keys of the user's own tests are not known."""
        rankings = frozenset(unit for unit in units if isinstance(unit, RankingKey))
        return Plan(frozenset(units) - rankings - {CorpusKey()}, rankings)


def expected(key: Key, finished: dict[Key, float | None]) -> float | None:
    """Return the expected time of a key, s, from the finished ones; None if nothing is known.

    The mean over cells of the same corruption; else over all keys of the same kind. The clean
    images say nothing about cells: they have no corruption to compute.
    """
    alike = {
        other: seconds
        for other, seconds in finished.items()
        if seconds is not None and type(other) is type(key)
    }
    same = [seconds for other, seconds in alike.items() if other.parts[:1] == key.parts[:1]]
    chosen = same or list(alike.values())
    return sum(chosen) / len(chosen) if chosen else None


def time_left(current: Current, finished: dict[Key, float | None], now: float) -> float | None:
    """Return the remaining time of the key, s: as it expects itself, by its own speed, or before it has
    one, as `expected`.

    0 if it takes longer than that; None if nothing is known.
    """
    elapsed = now - current.started
    if current.ends is not None:
        return max(current.ends - now, 0.0)
    if current.total and current.done:
        return elapsed * (current.total - current.done) / current.done
    whole = expected(current.key, finished)
    return None if whole is None else max(whole - elapsed, 0.0)


def rows(
    notes: Sequence[Notes], plan: Plan, now: float, *, width: int, unicode: bool = True
) -> list[str]:
    """Return the current keys and the remaining time, in rows of at most ``width`` characters.

    One row per current key, and one for the whole plan; a single row if they fit into it. Empty if
    nothing is measured.
    """
    dot = " · " if unicode else ", "
    finished = {key: seconds for noted in notes for key, seconds in noted.finished.items()}
    running = [noted.current for noted in notes if noted.current is not None]
    if not running:
        return []
    keys = [_current(current, finished, now) for current in running[:_MOST_KEYS]]
    rest = _whole(running, plan, finished, now, processes=len(notes))
    if len(running) > _MOST_KEYS:
        rest.insert(0, f"and {len(running) - _MOST_KEYS} more")
    if len(keys) == 1 and len(joined := dot.join([*keys[0], *rest])) <= width:
        return [joined]
    lines = [*keys, rest] if rest else keys
    return [_fit(line, width, dot) for line in lines]


def _current(current: Current, finished: dict[Key, float | None], now: float) -> list[str]:
    """Return key, images done, speed and time left, as far as they are known."""
    elapsed = max(now - current.started, 1e-9)
    amount = f"{current.done:,} {plural(current.done, 'image')}"
    if current.total is not None:
        amount = f"{current.done:,} of {current.total:,} images"
    parts = [f"{current.key}  {amount}"]
    if current.done:
        speed = current.done / elapsed
        parts.append(f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.1f}/s")
    left = time_left(current, finished, now)
    parts.append(f"{clock(left)} left" if left else f"{clock(elapsed)} so far")
    if current.memory is not None and (left or 0.0) > _LONG:
        parts.append(f"about {current.memory / 1e9:.1f} GB")
    return parts


def _whole(
    running: Sequence[Current],
    plan: Plan,
    finished: dict[Key, float | None],
    now: float,
    processes: int,
) -> list[str]:
    """Return the finished part of the plan, and the time left for it: in all, or as far as
    known.
    """
    parts: list[str] = []
    times: list[float | None] = []
    for noun, keys in (("cells", plan.cells), ("classes", plan.rankings)):
        active = [current for current in running if current.key in keys]
        waiting = keys - finished.keys() - {current.key for current in active}
        if not waiting and not active:
            continue
        lengths = [time_left(current, finished, now) for current in active]
        # Keys are measured side by side, but the last of them by one process alone.
        longest = max((length or 0.0 for length in lengths), default=0.0)
        whole_key = max((c.ends - c.started for c in active if c.ends is not None), default=None)
        likely = (expected(key, finished) for key in waiting)
        lengths += [whole_key if length is None else length for length in likely]
        known = [length for length in lengths if length is not None]
        whole = max(sum(known) / processes, longest) if len(known) == len(lengths) else None
        times.append(whole)
        parts.append(f"{len(keys) - len(waiting) - len(active)} of {len(keys)} {noun}")
    if None in times:
        return [
            part if left is None else f"{part}, {clock(left)} left"
            for part, left in zip(parts, times, strict=True)
        ]
    return [*parts, f"{clock(sum(filter(None, times)))} left in all"] if parts else []


def _fit(parts: Sequence[str], width: int, dot: str) -> str:
    """Join the parts that fit: in a narrow terminal, the first and the last part go before the
    middle.
    """
    whole = dot.join(parts)
    if len(whole) > width and len(parts) > 2:
        whole = dot.join([parts[0], parts[-1]])
    return whole[:width]


def clock(seconds: float) -> str:
    """Return a time as ``m:ss``, from an hour on ``h:mm:ss``."""
    minutes, second = divmod(max(round(seconds), 0), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
