"""Keys: the names of measurements. Comparisons go by key, never by test ID or rank.

A key is text that knows its parts: stores, run files and users' tests write it as text, and text
finds its record. Text becomes a key once, at the door: `registry.Registry.parse`.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

_Any = TypeVar("_Any", bound="Key")


class Key(str):
    """The name of one measurement: a probe, and parts that distinguish it from the probe's other
    keys.

    ``Key("flipped")``, ``Key("flipped", "left-right")``.
    """

    probe: str
    """Name of the probe that measures it."""

    def __new__(cls, probe: str, *parts: str) -> Key:
        """Make a key from a probe's name, and parts that only the probe understands."""
        return cls._of(":".join((probe, *parts)), probe=probe)

    @classmethod
    def _of(cls: type[_Any], text: str, **fields: Any) -> _Any:
        made = str.__new__(cls, text)
        vars(made).update(fields)
        return made

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name}: a key cannot be changed; make a new one")

    def __reduce__(self) -> Any:
        return _restored, (type(self), str(self), vars(self))

    @property
    def short(self) -> str:
        """Its short text."""
        return self

    @property
    def kind(self) -> str:
        """The first word of its text, by which users know it: a ranking is of probe ``direction``."""
        return self.split(":")[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that distinguish it from the probe's other keys; empty if it is the only
        one.
        """
        return tuple(self.split(":")[1:])


def untyped(text: str) -> Key:
    """Make a key from text of which only the probe's name is understood."""
    return Key(*text.split(":"))


def _restored(kind: type[_Any], text: str, fields: dict[str, Any]) -> _Any:
    return kind._of(text, **fields)


class CleanKey(Key):
    """The test images, uncorrupted."""

    probe = "clean"

    def __new__(cls) -> CleanKey:
        return cls._of("clean")


class CorruptionKey(Key):
    """The test images under one corruption at one severity, 1 to 5."""

    probe = "corruption"
    corruption: str
    severity: int

    def __new__(cls, corruption: str, severity: int) -> CorruptionKey:
        text = f"corruption:{corruption}:{severity}"
        return cls._of(text, corruption=corruption, severity=severity)

    @property
    def short(self) -> str:
        """Its text among other cells."""
        return f"{self.corruption}:{self.severity}"

    @property
    def row(self) -> RowKey:
        """All severities of its corruption."""
        return RowKey(self.corruption)


class RowKey(Key):
    """One corruption at all the severities that a gate selects: a key of checks."""

    probe = "several"
    corruption: str

    def __new__(cls, corruption: str) -> RowKey:
        return cls._of(f"corruption:{corruption}", corruption=corruption)

    @property
    def short(self) -> str:
        """The corruption's name."""
        return self.corruption


class MeanKey(Key):
    """All cells that a gate selects, together: a key of checks."""

    probe = "several"

    def __new__(cls) -> MeanKey:
        return cls._of("corruptions")


class RankingKey(Key):
    """The ranking of all style dimensions for one class (its index)."""

    probe = "direction"
    class_index: int

    def __new__(cls, class_index: int) -> RankingKey:
        return cls._of(f"ranking:{class_index}", class_index=class_index)


class DirectionKey(Key):
    """The walks along one style dimension, up (+1) or down (-1), from images of one class."""

    probe = "direction"
    class_index: int
    dimension: int
    sign: int

    def __new__(cls, class_index: int, dimension: int, sign: int) -> DirectionKey:
        text = f"direction:{class_index}:{dimension}:{'+' if sign > 0 else '-'}"
        return cls._of(text, class_index=class_index, dimension=dimension, sign=sign)

    @property
    def way(self) -> str:
        """``up`` or ``down``."""
        return "up" if self.sign > 0 else "down"


class CornerCaseKey(Key):
    """The direction of a rank, from 1, in a class: known by its key once the class is ranked."""

    probe = "direction"
    class_index: int
    rank: int

    def __new__(cls, class_index: int, rank: int) -> CornerCaseKey:
        return cls._of(f"corner_case:{class_index}:{rank}", class_index=class_index, rank=rank)


class FitnessKey(Key):
    """The fitness of the generator to show one class (its index)."""

    probe = "direction"
    class_index: int

    def __new__(cls, class_index: int) -> FitnessKey:
        return cls._of(f"fitness:{class_index}", class_index=class_index)


class CombinationKey(Key):
    """The search from images of one class, along several directions at once, for the nearest wrong
    prediction: one class (by index) that it is wanted to be, or any other.
    """

    probe = "combination"
    class_index: int
    toward: int | None

    def __new__(cls, class_index: int, toward: int | None = None) -> CombinationKey:
        text = f"combination:{class_index}" + ("" if toward is None else f":{toward}")
        return cls._of(text, class_index=class_index, toward=toward)


class CorpusKey(Key):
    """The images of the corpus, all together."""

    probe = "corpus"

    def __new__(cls) -> CorpusKey:
        return cls._of("corpus")


class EntryKey(Key):
    """One image of the corpus, by its id."""

    probe = "corpus"
    entry: str

    def __new__(cls, entry: str) -> EntryKey:
        return cls._of(f"corpus:{entry}", entry=entry)
