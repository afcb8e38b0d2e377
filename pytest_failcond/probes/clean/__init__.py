"""The test images, uncorrupted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_failcond.probes.base import Bench, Probe, Record
from pytest_failcond.probes.keys import CleanKey, Key
from pytest_failcond.probes.metric import Metric, share_kept

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pytest_failcond.config.gate_settings import GateSettings
    from pytest_failcond.config.settings import Settings


def _read_key(text: str) -> CleanKey | None:
    return CleanKey() if text == "clean" else None


def _measure(key: CleanKey, bench: Bench) -> Iterator[tuple[Key, Record]]:
    yield key, bench.laboratory.classify(key)


def read(key: Key, data: dict[str, Any], labels: npt.NDArray[np.int64]) -> Record:
    """Read the predictions on the test images."""
    from pytest_failcond.records.measurements import Measurement

    return Measurement.from_json(key, data, labels)


def _keys(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> list[Key]:
    return [CleanKey()]


PROBE = Probe(
    name="clean",
    read_key=_read_key,
    measure=_measure,
    read=read,
    over_images=True,
    keys=_keys,
    sections="pytest_failcond.probes.clean.view:sections",
    details="pytest_failcond.probes.clean.view:details",
    metrics=(
        Metric(
            name="clean_accuracy",
            noun="accuracy",
            good="min",
            reach=share_kept,
            value="pytest_failcond.verdicts.metrics:accuracy",
            trial="pytest_failcond.verdicts.trials:accuracy",
        ),
    ),
)
