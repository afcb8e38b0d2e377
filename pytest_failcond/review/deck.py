"""A deck: images in an order that its key alone decides, and a claim for each image, kept apart.

Pages, files and requests that a reader sees are made from `Deck.images` alone. Claims are kept by the hash of
an image's pixels, and joined with the answers when these are counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.probes.keys import untyped
from pytest_failcond.probes.moved import Moves
from pytest_failcond.ranges import LONGEST_NAME
from pytest_failcond.storage.reading import Many, Record

Kind = Literal["break", "rejected", "test", "unreadable"]
Hash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Probability = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]

KINDS: dict[Kind, int] = {"break": 50, "rejected": 20, "test": 10, "unreadable": 10}
"""The kinds of images in a deck, and the default number of each."""


class Searched(Record):
    """The searches for combinations that a deck draws from.

    Attributes:
        dimensions: of the ranking's first.
        max_distance: the end of the search, σ.
        toward: the wanted classes, or ``every``; none: any other class.
        guides: hashes of the judges that led the search; None for a plain callable.
    """

    dimensions: int = Field(ge=1)
    max_distance: float = Field(gt=0)
    toward: Many[str]
    guides: Many[str | None]


class _Short(Record):
    """A record that leaves out some fields without a value: files of earlier versions have none."""

    @model_serializer(mode="wrap")
    def _without_nothing(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {k: v for k, v in whole(self).items() if v is not None or k not in _LEFT_OUT}


_LEFT_OUT = {"combinations", "search", "moves"}


class Subjects(_Short):
    """The subjects of a deck, or of a session: a review of the former may apply to the latter.

    Attributes:
        classifier, generator, judges: their hashes; None if there is none, or for a plain callable.
        version: the classifier's name in reports.
        least_p: the configured least probability that every judge gives an accepted image's class.
        truncation: of the start images.
        max_shift: the length of walks, σ.
        seed: of the start images.
        combinations: the searches for combinations; None: there are none.
    """

    classifier: str | None
    generator: str | None
    judges: str | None
    version: str = Field(min_length=1, max_length=1000)
    least_p: Probability
    truncation: Probability
    max_shift: float = Field(ge=0)
    seed: int
    combinations: Searched | None = None


class Claim(_Short):
    """The claim about an image of a deck, which readers never see.

    Attributes:
        image: SHA-256 of its pixels.
        kind: ``break``: the classifier has it wrong, and the judges accept it at some level; ``rejected``: the
            classifier has it wrong, and the judges reject it; ``test``: an untouched test image;
            ``unreadable``: it shows none of the classes.
        class_name: the class; None of an unreadable image.
        level: the least probability that any judge gave the class on the way from the start image, or to
            the combination; None without a judge.
        direction: the key of the direction that it was moved along; None if it was not moved along one.
        search: the key of the search that found it, if it was moved along several.
        moves: the shift along each of them, σ, by their keys.
        sample: the start image's number in the generator's stream.
        shift: the distance that it was moved, σ; along several, the combined one.
    """

    model_config = ConfigDict(populate_by_name=True)
    image: Hash
    kind: Kind
    class_name: str | None = Field(alias="class")
    level: Probability | None = None
    direction: str | None = None
    search: str | None = None
    moves: Moves | None = None
    sample: int | None = Field(None, ge=0)
    shift: float | None = Field(None, ge=0)

    @property
    def found_by(self) -> str:
        """The probe that found it; empty if none did."""
        found = self.search or self.direction
        return "" if found is None else untyped(found).probe


class Deck(Record):
    """Images to be read, and the claims about them.

    Attributes:
        id: the deck's name, eight hexadecimal digits.
        number: of the deck among those of its subjects, from 1; number and subjects are the key of its draws.
        classes: names of the classes, by index.
        subjects: the deck was drawn with these.
        loosest: the least level of its breaks; those of a stricter level are among them.
        calibrated: whether its answers chose ``least_p``, and so prove nothing about that choice.
        images: hashes of the images, in the order of reading.
        claims: by the hash of the image, ascending.
    """

    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    number: int = Field(ge=1)
    classes: Many[str] = Field(min_length=1)
    subjects: Subjects
    loosest: Probability = 0.0
    calibrated: bool = False
    images: Many[Hash]
    claims: Many[Claim]

    def disagreement(self) -> str:
        """Say how images, claims and classes disagree; empty if they agree."""
        hashes = set(self.images)
        if len(hashes) < len(self.images):
            return "an image occurs twice"
        if sorted(hashes) != [claim.image for claim in self.claims]:
            return "expected one claim for each image, in ascending order"
        named = {claim.class_name for claim in self.claims if claim.class_name is not None}
        if unknown := sorted(named - set(self.classes)):
            return f"a claim has the class {unknown[0]!r}, which is not in classes"
        if any((claim.class_name is None) != (claim.kind == "unreadable") for claim in self.claims):
            return "expected a class for each image but the unreadable ones"
        if any((claim.search is None) != (claim.moves is None) for claim in self.claims):
            return "in a claim, search and moves go together"
        if self.id != _id_of(self.images):
            return "its id does not fit its images"
        return ""


@dataclass(frozen=True)
class Drawn:
    """An image for a deck, and the claim about it.

    Attributes:
        pixels: uint8 ``[H, W, C]``.
        claim: with the hash of these pixels.
    """

    pixels: npt.NDArray[np.uint8]
    claim: Claim


def make_deck(
    drawn: Sequence[Drawn], classes: Sequence[str], subjects: Subjects, number: int
) -> tuple[Deck, dict[str, npt.NDArray[np.uint8]]]:
    """Make a deck from drawn images. Returns it, and its images by hash. Equal images are kept once."""
    unique: dict[str, Drawn] = {}
    for one in drawn:
        unique.setdefault(one.claim.image, one)
    # Sorted by hash first: the order of drawing, kind after kind, must not show in the order of images.
    hashes = sorted(unique)
    order = random_of("order", subjects, number).permutation(len(hashes))
    images = [hashes[i] for i in order]
    deck = Deck(
        id=_id_of(images),
        number=number,
        classes=list(classes),
        subjects=subjects,
        # A search at a lower level would find other combinations.
        loosest=0.0 if subjects.combinations is None else subjects.least_p,
        images=images,
        claims=[unique[image].claim for image in hashes],
    )
    return deck, {image: unique[image].pixels for image in images}


def hash_pixels(pixels: npt.NDArray[np.uint8]) -> str:
    """Return the SHA-256 of an image's shape and pixels, uint8 ``[H, W, C]``, as ``sha256:<hex>``."""
    digest = hashlib.sha256(str(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return f"sha256:{digest.hexdigest()}"


def random_of(what: str, subjects: Subjects, number: int) -> np.random.Generator:
    """Return the random numbers that draw one part of a deck.

    They depend on the subjects and the deck's number alone, so a deck cannot be drawn again and again
    until a good one comes.
    """
    of = (subjects.classifier, subjects.generator, subjects.judges, subjects.seed)
    key = stream_key("review", what, *map(str, of), number)
    return np.random.Generator(np.random.Philox(key=key))


def _id_of(images: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(images).encode()).hexdigest()[:8]
