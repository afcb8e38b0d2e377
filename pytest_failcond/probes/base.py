"""The contract of a probe, one way of testing the classifier.

A probe is a value, `Probe`, made of functions. They import heavy modules (NumPy, torch) inside, so
that pytest can collect tests without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.metric import Metric
from pytest_failcond.probes.shown import Shown
from pytest_failcond.words.blocks import Block, Section
from pytest_failcond.words.outcome import Outcome

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.laboratory.measure import Laboratory, Pixels
    from pytest_failcond.laboratory.moving import Breaks
    from pytest_failcond.probes.direction.exploration import ExploredCases
    from pytest_failcond.records.found import Discovery, Wanted

    Labels = npt.NDArray[np.int64]


FIXTURE = "failcond_probe"
"""The fixture that gives values to the tests of a probe without its own fixture."""


@dataclass(frozen=True)
class Planned:
    """One test: planned for the suite, or requested by one of the user's own.

    Attributes:
        name: its name in the plan and the run file, such as ``corner_case:8:1``.
        probe: name of the probe that it belongs to.
        needs: keys that are measured for it.
        unit: the measurement for it that cannot be divided between workers or machines; None: it
            only reads other measurements.
        about: the subject of its verdict: the key, or the gate's id.
        fixture: gives a generated test its value.
        value: that value.
        test_id: the text in brackets in the test's name.
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
        """Plan the test of one key; by default, its value and its id are the key."""
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
    """The inputs of a session's plan.

    Attributes:
        settings: the configuration.
        classes: names of the classes, if they are known before anything is loaded.
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
    """The inputs of the checks of a planned test.

    Attributes:
        settings: with the gates.
        class_names: by index.
        record: gives the record of a key, or raises a FailcondError.
    """

    settings: Settings
    class_names: Sequence[str]
    record: Callable[[Key], Any]


class Record(Protocol):
    """The findings for a key: plain data, to JSON and back."""

    @property
    def key(self) -> Key:
        """The key."""

    def to_json(self) -> dict[str, Any]:
        """Return it as an entry of the run file."""


class Bench(Protocol):
    """The bench that probes measure on: the subjects, the settings, and other records.

    Attributes:
        settings: the configuration.
        laboratory: the subjects; its ``classify`` classifies the changed test images.
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
        """Return the record of a measured key; None if it is not measured, or an error."""

    def expect(self, seconds: float) -> None:
        """Tell, for the progress, the time that the measured key will still take, s."""

    def save(self, name: str, picture: npt.NDArray[np.uint8]) -> str:
        """Keep a picture, uint8 ``[H, W, C]``, in the run's folder; returns its file name."""

    @property
    def save_example(self) -> Callable[[str, npt.NDArray[np.uint8]], str] | None:
        """Keeps pictures of the user's images; None if none are wanted."""


def _nothing(*_: Any) -> tuple[()]:
    return ()


def no_key(text: str) -> None:
    """Read no key: the probe measures nothing itself."""


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


def _decides_nothing(run: Shown) -> Outcome:
    return Outcome()


def _itself(key: Key) -> Key:
    return key


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One way of testing the classifier.

    Attributes:
        name: of the probe.
        read_key: makes a key from its text; None if it belongs to another probe. By default, a key
            is the probe's name, and parts.
        fixtures: the fixtures that give its generated tests their values.
        read_about: makes from its text a key of checks that cannot itself be measured; None if it
            belongs to another probe.
        tests: plans the generated tests.
        read_planned: makes a planned test from its name, if that is not a key; None if it belongs
            to another probe.
        keys: the keys of the checks of a gate, as far as they are known before anything is measured.
        selects: whether a gate on one of its metrics checks a given key.
        checks: the gates, each with the key, that a planned test applies; None: the gates on its
            key.
        measure: yields the record of a key, and those of other keys found on the way, each with its
            key: a function, or its place, ``module:function``.
        replay: tries the findings of another version of the classifier on this one, for a comparison: given
            the key, its record of then, and the bench; returns how many were ``replayed``, and how many
            ``still`` break it. A function, or its place; None: a record has no such findings.
        images: makes again, for pictures, the images that are classified for a key: given the key,
            the subjects, some test images, uint8
            ``[n, H, W, C]``, and their indices in the user's set, ``[n]``; None: they are the
            unchanged test images. A function, or its place.
        keep: finds corner cases of a class for a corpus: given the class's index, the bench, and the wanted
            number (`records.found`). A function, or its place; None: it keeps none.
        breaks: returns the breaks of a class that a review may draw (`laboratory.moving`): given the class's
            index, the records of a run by key, and the subjects. A function, or its place; None: none.
        explore: makes the cases of a class that the explorer shows beside its directions (`ExploredCases`): given
            the class's index, the bench, and the number of each search. A function, or its place; None: none.
        read: makes a record from its entry in the run file;
            ``labels`` are the true classes of the test images, ``[N]``.
        over_images: whether every test image is classified for a key, for progress.
        own_images: whether its checks rest on other images than the test images.
        most: the most images that a check can rest on, and the setting that limits them; None: no
            setting does.
        missing: returns a sentence on the part of the configuration that a gate on its metrics
            lacks, and the remedy; empty: none.
        perfect: makes the record of a key without any loss, to find the gates that no result would
            pass: given the key, the settings, the labels of the test images, ``[N]``, and a number
            of start images. A function, or its place; None: no gate is found. By default, every
            test image is right.
        place: the position of a record among those of the probe.
        sections: yields its sections of the report, which terminal, HTML and Markdown each draw at
            their ``place`` and ``rank``: given the run. A function, or its place.
        details: yields blocks about a key, its own or another probe's, for the key's failed test and
            its article on the page: given the run and the key. A function, or its place.
        properties: yields names and values that JUnit files and pytest-html's table show of a test of
            one of its keys: given the record and the class names. A function, or its place.
        outcome: returns its part in the verdict of the whole run, beside its gates: given the run. A
            function, or its place.
        unit: the measurement that a key belongs to and cannot be divided from.
        metrics: the metrics for gates.
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
    replay: Callable[[Any, Any, Bench], dict[str, int]] | str | None = None
    images: Callable[[Any, Laboratory, Pixels, npt.NDArray[np.int64]], Pixels] | str | None = None
    keep: Callable[[int, Any, Wanted], Discovery] | str | None = None
    breaks: Callable[[int, Mapping[Key, Any], Laboratory], Breaks] | str | None = None
    explore: Callable[[int, Any, int], list[ExploredCases]] | str | None = None
    read: Callable[[Key, dict[str, Any], Labels], Record] | None = None
    over_images: bool = False
    own_images: bool = False
    most: Callable[[Settings], tuple[int, str] | None] = _max_images
    missing: Callable[[Settings], str] = _nothing_missing
    perfect: Callable[[Any, Settings, Labels, int], Record] | str | None = (
        "pytest_failcond.verdicts.resolution:all_right"
    )
    place: Callable[[Key, Any, Settings], tuple[Any, ...]] = _by_key
    sections: Callable[[Shown], Iterable[Section]] | str = _nothing
    details: Callable[[Shown, Key], Iterable[Block]] | str = _nothing
    properties: Callable[[Any, Sequence[str]], Iterable[tuple[str, str | float]]] | str = _nothing
    outcome: Callable[[Shown], Outcome] | str = _decides_nothing
    unit: Callable[[Key], Key] = _itself
    metrics: tuple[Metric, ...] = ()

    def key_of(self, text: str) -> Key | None:
        """Make a key from its text; None if it belongs to another probe."""
        if self.read_key is not None:
            return self.read_key(text)
        name, *parts = text.split(":")
        return Key(name, *parts) if name == self.name and all(parts) else None
