"""The decisions in a run file, and its comparison with a baseline."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pytest_failcond.errors import nearest
from pytest_failcond.probes.registry import METRICS
from pytest_failcond.runs.run_file.measured import ExamplesRecord
from pytest_failcond.runs.run_file.values import (
    CellKey,
    Checked,
    CombinationName,
    Count,
    Date,
    DirectionName,
    Hash,
    Positive,
    Share,
    Shift,
)
from pytest_failcond.storage.reading import Many, Record, shown
from pytest_failcond.verdicts.gates import VerdictName


def _is_metric(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", text):
        raise ValueError(f"{shown(text)} is not the name of a metric")
    return text


def check_metrics(gates: Iterable[GateRecord], *, others: bool) -> None:
    """Check that metrics are known, unless the run has records of uninstalled probes.

    Raises:
        ValueError: one is not.
    """
    for gate in gates:
        for name in (gate.metric, *(check.metric for check in gate.checks)):
            if name not in METRICS and not others:
                raise ValueError(f"unknown metric {name!r}{nearest(name, METRICS)}")


MetricName = Annotated[str, AfterValidator(_is_metric)]
Level = Literal["fail", "warn"]


class CheckRecord(Record):
    """A gate applied to one key."""

    gate: str = Field(description="Id of the gate.")
    metric: MetricName = Field(description="Its metric.")
    level: Level = Field(description="Its level.")
    key: Checked = Field(description="The checked key; corruptions for the mean over cells.")
    value: float | None = Field(
        description="Measured; null for a breaking shift beyond the walk, or if nothing was "
        "measured."
    )
    bound: float | None = Field(
        description="One-sided confidence bound on the side of the threshold; null if there is "
        "none."
    )
    threshold: float = Field(description="The gate's threshold.")
    keeps_above: bool = Field(
        description="Whether the value must stay at or above the threshold; else at or below."
    )
    n: Count = Field(description="Images that the value rests on.")
    verdict: VerdictName = Field(description="The verdict.")
    certain: bool = Field(
        description="For a failure, whether the bound, adjusted for the gate's number of checks, crosses the threshold too."
    )
    reason: str = Field(description="One sentence; may be empty.")
    at: float | None = Field(
        description="The shift of a broken share, σ, or the accuracy of a crossing severity; else "
        "null."
    )
    waived: str | None = Field(
        description="The reason why a failure is expected, while that holds; else null."
    )
    class_index: Count | None = Field(
        description="The class of a check of a gate with by_class; else null."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Check that the verdict follows from value, bound and threshold."""
        metric = METRICS.get(self.metric)
        if metric is not None and self.keeps_above != (metric.good == "min"):
            raise ValueError(f"keeps_above does not fit metric {self.metric!r}")
        holds = self._holds(self.value)
        fits = {
            "passed": holds and self._holds(self.bound),
            "marginal": holds,
            "failed": not holds and self.certain != self._holds(self.bound),
        }
        if not fits.get(self.verdict, True) or (self.certain and self.verdict != "failed"):
            raise ValueError(
                f"the verdict {self.verdict!r}, certain: {self.certain}, does not follow from value "
                f"{self.value}, bound {self.bound} and threshold {self.threshold}"
            )
        if self.waived is not None and self.verdict != "failed":
            raise ValueError(f"a verdict {self.verdict!r} needs no waiver, but waived is not null")
        return self

    def _holds(self, value: float | None) -> bool:
        if value is None:  # beyond the tested range
            return True
        return value >= self.threshold if self.keeps_above else value <= self.threshold


class GateRecord(Record):
    """A threshold of the configuration, applied."""

    id: str = Field(description="Name of the gate.")
    metric: MetricName = Field(description="Its metric, as in docs/configuration.md.")
    level: Level = Field(description="Whether it fails or only warns.")
    verdict: VerdictName | Literal["waived"] = Field(
        description="The gravest of its checks that are not waived; waived if all are."
    )
    checks: Many[CheckRecord] = Field(description="One per key, or per key and class.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        seen: set[tuple[str, int | None]] = set()
        for check in self.checks:
            if (check.gate, check.metric, check.level) != (self.id, self.metric, self.level):
                raise ValueError(f"the check of {check.key} is of another gate, metric or level")
            if (check.key, check.class_index) in seen:
                raise ValueError(f"{check.key} is checked twice")
            seen.add((check.key, check.class_index))
        return self


class OriginRecord(Record):
    """Date and commit of a run."""

    date: Date | None = Field(None, description="UTC, ISO 8601.")
    commit: str | None = Field(None, description="Hash of the git commit of the project.")
    dirty: bool | None = Field(None, description="Whether tracked files differed from it.")


class KeyComparisonRecord(Record):
    """The same images in two runs."""

    key: CellKey = Field(description="clean or a cell.")
    inputs_changed: bool = Field(
        description="Whether other pixels were classified; then nothing else is given."
    )
    right: Count = Field(description="Images right both times.")
    lost: Count = Field(description="Images right then, wrong now.")
    gained: Count = Field(description="Images wrong then, right now.")
    wrong: Count = Field(description="Images wrong both times.")
    drop: float = Field(ge=-1, le=1, description="Loss in accuracy, then minus now.")
    bound: float = Field(ge=-1, le=1, description="Its upper one-sided confidence bound.")
    p: Share = Field(description="McNemar's, two-sided, of no difference.")
    p_holm: Share = Field(description="The same, adjusted for the number of keys.")
    lost_images: Many[Count] = Field(description="Indices of the first of the lost.")
    gained_images: Many[Count] = Field(description="Indices of the first of the gained.")
    lost_examples: ExamplesRecord | None = Field(description="Pictures of some of the lost.")
    gained_examples: ExamplesRecord | None = Field(description="Pictures of some of the gained.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        total = self.right + self.lost + self.gained + self.wrong
        if not self.inputs_changed and not total:
            raise ValueError("no images were compared")
        if total and abs(self.drop - (self.lost - self.gained) / total) > 1e-9:
            raise ValueError(f"drop is not {self.lost} lost less {self.gained} gained, of {total}")
        if len(self.lost_images) > self.lost or len(self.gained_images) > self.gained:
            raise ValueError("names more images than were lost or gained")
        return self


class DirectionComparisonRecord(Record):
    """The same direction on two classifiers, from the same start images; shifts in σ."""

    key: DirectionName = Field(description="Key of the direction.")
    breaking_shift_then: Shift | None = Field(
        description="Breaking shift of the baseline; null: it did not break."
    )
    breaking_shift: Shift | None = Field(description="Breaking shift now; null: it does not break.")
    tested_to_then: Shift = Field(description="Shift beyond which the baseline claims nothing.")
    tested_to: Shift = Field(description="The same now.")
    broken_share_then: Share = Field(description="Broken by the smaller of both shifts, then.")
    broken_share: Share = Field(description="The same now.")


class CombinationComparisonRecord(Record):
    """The same search on two classifiers, from the same start images; distances in σ."""

    key: CombinationName = Field(description="Key of the search.")
    distance_then: Shift | None = Field(
        description="Where half of the start images were broken; null: not within the search."
    )
    distance: Shift | None = Field(description="The same now.")
    tested_to: Shift = Field(description="End of both searches.")
    broken_then: Count = Field(description="Start images broken within it, then.")
    broken: Count = Field(description="The same now.")
    total: Positive = Field(description="Start images.")
    replayed: Count | None = Field(
        description="Combinations of the baseline that were tried on this classifier; null: not tried."
    )
    still: Count | None = Field(description="How many of them break it too.")
    searched_otherwise: bool = Field(
        False,
        description="Whether the two were searched in different ways, by gradient or without: then their distances "
        "differ by the strength of the search, too.",
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if max(self.broken_then, self.broken, self.replayed or 0) > self.total:
            raise ValueError(f"more images are broken than there are, {self.total}")
        if (self.replayed is None) != (self.still is None) or (self.still or 0) > (
            self.replayed or 0
        ):
            raise ValueError("still is not a part of replayed")
        return self


class BesideOfKey(Record):
    """What was measured of one key for the comparison alone."""

    key: Checked = Field(description="The key.")
    lost: ExamplesRecord | None = Field(
        None, description="Some lost images; null without pictures."
    )
    gained: ExamplesRecord | None = Field(
        None, description="Some gained images; null without pictures."
    )
    replayed: Count | None = Field(
        None, description="Findings of the baseline that were tried on this classifier."
    )
    still: Count | None = Field(None, description="Those of them that break it too.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.still or 0) > (self.replayed or 0):
            raise ValueError("still is not a part of replayed")
        return self


class BesideRecord(Record):
    """What a session measured for the comparison with a baseline alone."""

    baseline: Hash = Field(description="SHA-256 of the baseline's file.")
    found: Many[BesideOfKey] = Field(description="Key by key.")


class ComparisonRecord(Record):
    """The changes since a baseline, image by image."""

    baseline: str = Field(description="Its path, as it was given.")
    then: OriginRecord = Field(description="Origin of the baseline.")
    now: OriginRecord = Field(description="Origin of this run.")
    same_model: bool | None = Field(
        description="Whether the classifiers' hashes agree; null if one has none, or they were "
        "made in different ways."
    )
    confidence: float = Field(ge=0, le=1, description="Confidence of the bounds, one-sided.")
    keys: Many[KeyComparisonRecord] = Field(description="For each key of both runs.")
    directions: Many[DirectionComparisonRecord] = Field(
        description="The baseline's directions, measured again."
    )
    combinations: Many[CombinationComparisonRecord] = Field(
        [], description="The searches of both, from the same start images."
    )
    only_then: Many[str] = Field(description="Keys of the baseline that were not measured again.")
    remark: str = Field(
        "",
        description="The reason why directions or combinations are not compared; empty if they are.",
    )
    corpus_lost: Many[str] = Field(
        [],
        description="Ids of the images of the corpus, the same in both runs, that were lost.",
    )
    corpus_gained: Many[str] = Field(
        [],
        description="Ids of the images of the corpus, the same in both runs, that were gained.",
    )
    predictions_differ: bool = Field(
        False,
        description="Whether any prediction on the same pixels, or a walk, differs.",
    )
    ranked_otherwise: Many[Count] = Field(
        [],
        description="Classes whose directions were ranked in another way: their ranks cannot be compared.",
    )
