"""What a run file says it was made with, and on what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pytest_failcond.runs.run_file.values import Count, Date, Positive, Share
from pytest_failcond.storage.reading import Many, Record


def at_most(count: int) -> Callable[[Any], Any]:
    """Return what refuses an object of more entries, before there is a finding for each."""

    def check(value: Any) -> Any:
        if isinstance(value, dict) and len(value) > count:
            raise ValueError(f"has {len(value)} entries, more than {count}")
        return value

    return check


class RemarkRecord(Record):
    """Something that was noticed of a model while it was measured, or of the baseline or the images."""

    model: str = Field(description="classifier, judge, images, baseline or reference.")
    what: Literal["random", "training", "writes", "absent", "mixed", "worse"] = Field(
        description="random: its output changes from call to call; training: it was in training mode; writes: it writes into the images that it is given; absent: it is configured and not there; mixed: some are gray, some in colour; worse: a judge reads the clean test images worse than the classifier."
    )
    text: str = Field(description="One sentence.")


class EnvironmentRecord(Record):
    """What a run was made with."""

    date: Date | None = Field(None, description="UTC, ISO 8601.")
    python: str | None = Field(None, description="Version of Python.")
    platform: str | None = Field(None, description="System and processor.")
    device: str | None = Field(None, description="Where models computed, such as cpu.")
    threads: Count | None = Field(
        None, description="Threads of torch; 0 where it computes nothing."
    )
    waiting: str | None = Field(
        None, description="OMP_WAIT_POLICY: whether waiting threads sleep (PASSIVE) or spin."
    )
    cores: Count | None = Field(None, description="Cores of the machine.")
    packages: Annotated[dict[str, str | None], BeforeValidator(at_most(200))] = Field(
        {},
        description="Versions of the packages that results depend on; null where one is not installed.",
    )
    commit: str | None = Field(
        None, description="Hash of the git commit of the project; null outside a repository."
    )
    commit_date: Date | None = Field(None, description="Date of that commit, ISO 8601.")
    dirty: bool | None = Field(None, description="Whether tracked files differed from it.")
    strict: bool = Field(
        False,
        description="Whether --failcond-strict was given: checks that are marginal or not evaluated fail; left out where it was not.",
    )
    remarks: Many[RemarkRecord] = Field(
        [],
        description="What was noticed of the models, the baseline and the images; left out where nothing was.",
    )


class SubjectsRecord(Record):
    """What was measured. Runs can be compared where images, max_images, seed and corruptions agree; their directions, where generator, judges and least_p do too."""

    classifier: str | None = Field(
        None, description="What identifies it, such as sha256:…; null for a plain callable."
    )
    judge: str | None = Field(
        None,
        description="What identifies it, or several together, such as sha256:…; null without one, or for a plain callable.",
    )
    judges: Many[str | None] = Field(
        [], description="The same of each judge; empty without one. Earlier runs lack it."
    )
    least_p: Share | None = Field(
        None,
        description="Probability that each judge must give an image's class for it to be accepted; null without a judge, and of earlier runs, where it was enough that the class came first.",
    )
    generator: str | None = Field(
        None, description="What identifies it, such as sha256:…; null without one."
    )
    truncation: Share | None = Field(
        None,
        description="Of start images; null without a generator, and of earlier runs, where it was 1.",
    )
    images: str | None = Field(
        None,
        description="What identifies it, such as sha256:… of pixels and labels; null without images.",
    )
    max_images: Positive | None = Field(
        None, description="Size of the subset that was measured; null for all."
    )
    seed: int | None = Field(None, description="Seed of all that is drawn.")
    corruptions: str | None = Field(
        None, description="Whose corruptions and constants, and their version; null without a grid."
    )
