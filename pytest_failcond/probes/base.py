"""The contract of a probe: all that the house asks about one way of testing the classifier.

A probe is a value, `Probe`, made of functions. What is heavy (NumPy, torch) is imported inside them, so
that pytest can collect tests without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.metric import Metric
from pytest_failcond.words.blocks import Section

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.laboratory.measure import Laboratory, Pixels

    Labels = npt.NDArray[np.int64]


FIXTURE = "failcond_probe"
"""Gives their values to the tests of a probe that has no fixture of its own."""


@dataclass(frozen=True)
class Planned:
    """One test: planned for the suite, or asked for by a user's own.

    Attributes:
        name: as the plan and the run file keep it, such as ``corner_case:8:1``.
        probe: name of the probe that it belongs to.
        needs: keys that are measured for it.
        unit: what is measured for it and cannot be divided between workers or machines; None: it only
            reads what others measure.
        about: what its verdict is about: the key, or the gate's id.
        fixture: gives a generated test its value.
        value: that value.
        test_id: what stands in brackets in the test's name.
    """

    name: str
    probe: str
    needs: tuple[Key, ...]
    unit: Key | None
    about: str
    fixture: str = ""
    value: Any = None
    test_id: str = ""

    @classmethod
    def of_key(
        cls, key: Key, unit: Key | None = None, *, fixture: str = FIXTURE, value: Any = None,
        test_id: str = "",
    ) -> Planned:  # fmt: skip
        """Plan the test of one key by itself; by default, its value is the key, and its id too."""
        name = str(key)
        return cls(
            name, key.probe, (key,), unit or key, key, fixture, value or key, test_id or name
        )

    @classmethod
    def of_gate(cls, gate: GateSettings, probe: str, needs: Iterable[Key]) -> Planned:
        """Plan the test of a gate over several keys."""
        name = f"gate:{gate.id}"
        return cls(name, probe, tuple(needs), None, gate.id, "failcond_gate", gate.id, gate.id)


@dataclass(frozen=True)
class Planning:
    """What the tests of a session are planned from.

    Attributes:
        settings: the configuration.
        classes: names of the classes, where they are known before anything is loaded.
        corpus: ids of the corpus's entries.
        generator: whether there is a generator, configured or from a fixture.
        compared: keys of the baseline that the session can measure again.
        marked: returns the arguments of the test's markers of a name: for each, by argument.
    """

    settings: Settings
    classes: tuple[str, ...] | None
    corpus: tuple[str, ...] = ()
    generator: bool = False
    compared: Callable[[], Sequence[Key]] = tuple
    marked: Callable[[str, tuple[str, ...]], Iterable[dict[str, Any]]] = lambda name, known: ()


@dataclass(frozen=True)
class Asking:
    """Who judges what a planned test measured.

    Attributes:
        settings: with the gates.
        class_names: by index.
        record: gives the record of a key, or raises a FailcondError.
    """

    settings: Settings
    class_names: Sequence[str]
    record: Callable[[Key], Any]


class Record(Protocol):
    """What was found for a key: plain data, to JSON and back."""

    @property
    def key(self) -> Key:
        """The key."""

    def to_json(self) -> dict[str, Any]:
        """Return it as an entry of the run file."""


class Bench(Protocol):
    """Where probes measure: the subjects, the settings, and what else was measured.

    Attributes:
        settings: the configuration.
        laboratory: the subjects; its ``classify`` puts the test images, changed, to the classifier.
    """

    settings: Settings

    @property
    def laboratory(self) -> Laboratory:
        """The subjects.

        Raises:
            FailcondError: there are none: a kept run is judged.
        """

    def measure(self, key: Key) -> Any:
        """Return the record of another key, measured once at most.

        Raises:
            FailcondError: it cannot be measured.
        """

    def found(self, key: Key) -> Any:
        """Return the record of a key that has been measured; None of another, or of an error."""

    def save(self, name: str, picture: npt.NDArray[np.uint8]) -> str:
        """Keep a picture, uint8 ``[H, W, C]``, in the run's folder; returns its file name."""

    @property
    def save_example(self) -> Callable[[str, npt.NDArray[np.uint8]], str] | None:
        """Keeps pictures of the user's own images; None where none are wanted."""


class Shown(Protocol):
    """What a section may see of a run."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by index."""

    @property
    def records(self) -> Mapping[Key, Any]:
        """What was measured, by key."""


def _nothing(*_: Any) -> tuple[()]:
    return ()


def no_key(text: str) -> None:
    """Read no key: the probe measures nothing by itself."""


def _none(*_: Any) -> None:
    return None


def _always(gate: GateSettings, key: Key, asking: Asking) -> bool:
    return True


def _max_images(settings: Settings) -> tuple[int, str] | None:
    return None if settings.max_images is None else (settings.max_images, "max_images")


def _nothing_missing(settings: Settings) -> str:
    return ""


def _by_key(key: Key, record: Record, settings: Settings) -> tuple[Any, ...]:
    return (key,)


def _itself(key: Key) -> Key:
    return key


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One way of testing the classifier.

    Attributes:
        name: of the probe.
        read_key: makes a key of its text; None where it is of another probe. By default, a key is the
            probe's name, and parts.
        fixtures: those that give its generated tests their values.
        read_about: makes of its text a key that cannot be measured by itself, but that a check may be
            about; None where it is of another probe.
        tests: plans the generated tests.
        read_planned: makes a planned test of its name, where that is no key; None where it is of another
            probe.
        keys: the keys of the checks of a gate, as far as they are known before anything is measured.
        selects: whether a gate on one of its metrics is about a key of its own.
        checks: the gates, each with the key, that a planned test applies; None: those that are about its
            key.
        measure: yields the record of a key, and those of other keys that are found on the way, each with
            its key: a function, or where it is, ``module:function``.
        images: makes again, for pictures, the images that are classified for a key: given the key, the
            subjects, some test images, uint8 ``[n, H, W, C]``, and their indices in the user's set, ``[n]``;
            None: they are the test images as they are. A function, or where it is.
        read: makes a record of its entry in the run file; ``labels`` are the true classes of the test
            images, ``[N]``.
        over_images: whether every test image is classified for a key, for progress.
        own_images: whether its checks are about other images than the test images.
        most: the most images that a check can be about, and the setting that says so; None: no setting does.
        missing: says which part of the configuration a gate on its metrics lacks, and the remedy; empty: none.
        perfect: makes the record of a key without any loss, to tell the gates that no result would pass:
            given the key, the settings, the labels of the test images, ``[N]``, and a number of start images. A
            function, or where it is; None: nothing is told. By default, every test image is right.
        place: where a record stands among those of the probe.
        sections: of the report, each drawn by terminal, HTML and Markdown; probes of the house have
            their own renderers.
        unit: what a key is measured with, and cannot be divided from.
        metrics: what gates may hold of it.
    """

    name: str
    read_key: Callable[[str], Key | None] | None = None
    read_about: Callable[[str], Key | None] = _none
    fixtures: tuple[str, ...] = (FIXTURE,)
    tests: Callable[[Planning], Iterable[Planned]] = _nothing
    read_planned: Callable[[str, Settings], Planned | None] = _none
    keys: Callable[[GateSettings, Settings, Sequence[str]], Sequence[Key]] = _nothing
    selects: Callable[[GateSettings, Key, Asking], bool] = _always
    checks: Callable[[Planned, Asking], Iterable[tuple[GateSettings, Key]]] | None = None
    measure: Callable[[Any, Bench], Iterable[tuple[Key, Record]]] | str = _nothing
    images: Callable[[Any, Laboratory, Pixels, npt.NDArray[np.int64]], Pixels] | str | None = None
    read: Callable[[Key, dict[str, Any], Labels], Record] | None = None
    over_images: bool = False
    own_images: bool = False
    most: Callable[[Settings], tuple[int, str] | None] = _max_images
    missing: Callable[[Settings], str] = _nothing_missing
    perfect: Callable[[Any, Settings, Labels, int], Record] | str | None = (
        "pytest_failcond.verdicts.resolution:all_right"
    )
    place: Callable[[Key, Any, Settings], tuple[Any, ...]] = _by_key
    sections: Callable[[Shown], Iterable[Section]] = _nothing
    unit: Callable[[Key], Key] = _itself
    metrics: tuple[Metric, ...] = ()

    def key_of(self, text: str) -> Key | None:
        """Make a key of its text; None where it is of another probe."""
        if self.read_key is not None:
            return self.read_key(text)
        name, *parts = text.split(":")
        return Key(name, *parts) if name == self.name and all(parts) else None
