"""What a run file says it was made with, and on what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pytest_failcond.runs.run_file.values import Count, Date, Positive, Share
from pytest_failcond.storage.reading import Many, Record
from pytest_failcond.words.remarks import Noticed


def at_most(count: int) -> Callable[[Any], Any]:
    """Return a check that refuses an object of more entries, before a finding is made for each."""

    def check(value: Any) -> Any:
        if isinstance(value, dict) and len(value) > count:
            raise ValueError(f"has {len(value)} entries, more than {count}")
        return value

    return check


class RemarkRecord(Record):
    """A remark on a model, the baseline or the images."""

    model: str = Field(description="classifier, judge, images, generator, baseline or reference.")
    what: Noticed = Field(
        description="random: its output changes from call to call; training: it was in training "
        "mode; writes: it writes into the images that it gets; probabilities: it returns "
        "probabilities, not logits; batch: its outputs depend on the rest of the batch; order or range: in "
        "another order of its outputs, or with images of another range, it is right far more often; chance: "
        "it is right no more often than one answer for all; absent: it is configured and "
        "missing; mixed: some are gray, some in colour; worse: a judge has a lower "
        "clean accuracy than the classifier; dark: no image uses the upper part of the range; small: the "
        "images are smaller than those that the corruptions' default constants are meant for; "
        "fitted: the generator's images are changed to be like the test images; rejected: the "
        "judges gave its images classes, or rejected them."
    )
    text: str = Field(description="One sentence.")


class EnvironmentRecord(Record):
    """The environment of a run."""

    date: Date | None = Field(None, description="UTC, ISO 8601.")
    python: str | None = Field(None, description="Version of Python.")
    platform: str | None = Field(None, description="System and processor.")
    device: str | None = Field(None, description="The device of the models, such as cpu.")
    threads: Count | None = Field(None, description="Threads of torch; 0 if it computes nothing.")
    waiting: str | None = Field(
        None, description="OMP_WAIT_POLICY: whether waiting threads sleep (PASSIVE) or spin."
    )
    cores: Count | None = Field(None, description="Cores of the machine.")
    packages: Annotated[dict[str, str | None], BeforeValidator(at_most(200))] = Field(
        {},
        description="Versions of the packages that results depend on; null if one is not "
        "installed.",
    )
    commit: str | None = Field(
        None, description="Hash of the git commit of the project; null outside a repository."
    )
    commit_date: Date | None = Field(None, description="Date of that commit, ISO 8601.")
    dirty: bool | None = Field(None, description="Whether tracked files differed from it.")
    strict: bool = Field(
        False,
        description="Whether --failcond-strict was given: checks that are marginal or not "
        "evaluated fail; left out if it was not.",
    )
    options: Annotated[dict[str, str], BeforeValidator(at_most(20))] = Field(
        {},
        description="The options of the session that chose the subjects, such as config or seed, as they "
        "were given; left out if there are none.",
    )
    remarks: Many[RemarkRecord] = Field(
        [],
        description="Remarks on the models, the baseline and the images; left out if there are "
        "none.",
    )


class SubjectsRecord(Record):
    """The subjects. Runs can be compared if images, max_images, seed and corruptions agree; their
    directions, if generator, judges and least_p agree too.
    """

    classifier: str | None = Field(
        None, description="Its hash, such as sha256:…; null for a plain callable."
    )
    judge: str | None = Field(
        None,
        description="Its hash, or one of several judges together, such as sha256:…; null without "
        "a judge, or for a plain callable.",
    )
    judges: Many[str | None] = Field(
        [], description="The same of each judge; empty without one. Earlier runs lack it."
    )
    least_p: Share | None = Field(
        None,
        description="Probability that each judge must give an image's class for it to be "
        "accepted; null without a judge, and in earlier runs, which accepted if the class "
        "came first.",
    )
    generator: str | None = Field(
        None, description="Its hash, such as sha256:…; null without a generator."
    )
    truncation: Share | None = Field(
        None,
        description="Truncation of start images; null without a generator, and in earlier runs, "
        "where it was 1.",
    )
    images: str | None = Field(
        None,
        description="Their hash, such as sha256:… of pixels and labels; null without images.",
    )
    max_images: Positive | None = Field(
        None, description="Size of the subset that was measured; null for all."
    )
    seed: int | None = Field(None, description="Seed of all random draws.")
    corruptions: str | None = Field(
        None,
        description="The backend of the corruptions, their constants and version; null "
        "without a grid.",
    )
