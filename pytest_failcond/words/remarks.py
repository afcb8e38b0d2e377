"""Remarks on the user's models and images, noticed while measuring and shown with the results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Noticed = Literal[
    "random",
    "training",
    "writes",
    "probabilities",
    "batch",
    "order",
    "range",
    "chance",
    "absent",
    "mixed",
    "worse",
    "dark",
    "small",
    "fitted",
    "rejected",
]


@dataclass(frozen=True)
class Remark:
    """A fact about the user's models or images that results depend on.

    Attributes:
        model: ``classifier`` or ``judge``; also ``images``, ``generator``, ``baseline`` or
            ``reference``.
        what: ``random``: its output changes from call to call, which counts as an error under
            ``--failcond-strict``; ``training``: it was in training mode; ``writes``: it writes into the
            images that it gets; ``probabilities``: it returns these, not logits; ``batch``: its outputs
            depend on the rest of the batch; ``order`` or ``range``: in another order of its outputs, or
            with images of another range, it is right far more often; ``chance``: it is right no more
            often than one answer for all; ``absent``: it is configured and missing; ``mixed``: some are
            gray, some in colour; ``worse``: a judge has a lower clean accuracy than the classifier;
            ``dark``: no image uses the upper part of the range; ``small``: the images are smaller than
            those that the corruptions' default constants are meant for; ``fitted``: the generator's
            images are changed to be like the test images; ``rejected``: the judges gave its images
            classes, or rejected them.
        text: the same as a sentence.
    """

    model: str
    what: Noticed
    text: str

    @property
    def record(self) -> str:
        """The name of its record in the store."""
        return f"{PREFIX}{self.model}:{self.what}"

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        return asdict(self)


PREFIX = "remark:"


def remarks_of(entries: Iterable[dict[str, Any]]) -> tuple[Remark, ...]:
    """Read entries of run files and stores: each of a model once, in a fixed order."""
    found = {(e["model"], e["what"]): Remark(e["model"], e["what"], e["text"]) for e in entries}
    return tuple(found[key] for key in sorted(found))


def noting(environment: dict[str, Any], remarks: Iterable[Remark]) -> dict[str, Any]:
    """Return an environment with these remarks in place of its own."""
    rest = {key: value for key, value in environment.items() if key != "remarks"}
    noted = [remark.to_json() for remark in remarks_of(remark.to_json() for remark in remarks)]
    return rest | ({"remarks": noted} if noted else {})
