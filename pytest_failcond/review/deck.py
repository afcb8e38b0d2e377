"""A deck: images in an order that only its key decides, and apart from them, what each is claimed to be.

A page, a file or a request that a reader sees is made of `Deck.images` alone. Claims are kept by the hash of
an image's pixels, and joined with the answers when these are counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.ranges import LONGEST_NAME
from pytest_failcond.storage.reading import Many, Record

Kind = Literal["break", "rejected", "test", "unreadable"]
Hash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Probability = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]

KINDS: dict[Kind, int] = {"break": 50, "rejected": 20, "test": 10, "unreadable": 10}
"""What a deck is made of, and how many of each are drawn by default."""


class Subjects(Record):
    """What a deck was drawn with, and what a session tests: a review of one may apply to the other.

    Attributes:
        classifier, generator, judges: their hashes; None: without one, or of a plain callable.
        version: how reports name the classifier.
        least_p: the configured least probability that every judge gives an accepted image's class.
        truncation: of the start images.
        max_shift: how far walks go, σ.
        seed: of the start images.
    """

    classifier: str | None
    generator: str | None
    judges: str | None
    version: str = Field(min_length=1, max_length=1000)
    least_p: Probability
    truncation: Probability
    max_shift: float = Field(ge=0)
    seed: int


class Claim(Record):
    """What an image of a deck is claimed to be; no reader sees it.

    Attributes:
        image: SHA-256 of its pixels.
        kind: ``break``: accepted at some level, and the classifier has it wrong; ``rejected``: the same, but
            the judges reject it; ``test``: an untouched test image; ``unreadable``: it shows no class.
        class_name: the class; None of what shows none.
        level: the least probability that any judge gave the class on the way from the start image;
            None without a judge.
        direction: the key of the direction that it was moved along; None where it was not.
        sample: the start image's number in the generator's stream.
        shift: how far it was moved, σ.
    """

    model_config = ConfigDict(populate_by_name=True)
    image: Hash
    kind: Kind
    class_name: str | None = Field(alias="class")
    level: Probability | None = None
    direction: str | None = None
    sample: int | None = Field(None, ge=0)
    shift: float | None = Field(None, ge=0)


class Deck(Record):
    """Images to be read, and apart from them, what they are claimed to be.

    Attributes:
        id: what names the deck.
        number: of the deck among those of its subjects, from 1; with them, it is the key of all that was drawn.
        classes: names of the classes, by index.
        subjects: what it was drawn with.
        loosest: the least level that its breaks were drawn from: a stricter level's are among them.
        calibrated: whether ``least_p`` was chosen by its answers, so that they prove nothing of that choice.
        images: hashes of the images, in the order in which they are read.
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
        """Say how images, claims and classes do not fit together; empty where they do."""
        hashes = set(self.images)
        if len(hashes) < len(self.images):
            return "it has an image twice"
        if sorted(hashes) != [claim.image for claim in self.claims]:
            return "its claims are not one for each of its images, in ascending order"
        named = {claim.class_name for claim in self.claims if claim.class_name is not None}
        if unknown := sorted(named - set(self.classes)):
            return f"it claims a class {unknown[0]!r} that it does not name"
        if any((claim.class_name is None) != (claim.kind == "unreadable") for claim in self.claims):
            return "unreadable images have no class, and all others have one"
        if self.id != _id_of(self.images):
            return "its id does not fit its images"
        return ""


@dataclass(frozen=True)
class Drawn:
    """An image for a deck, and what it is claimed to be.

    Attributes:
        pixels: uint8 ``[H, W, C]``.
        claim: with the hash of these pixels.
    """

    pixels: npt.NDArray[np.uint8]
    claim: Claim


def make_deck(
    drawn: Sequence[Drawn], classes: Sequence[str], subjects: Subjects, number: int
) -> tuple[Deck, dict[str, npt.NDArray[np.uint8]]]:
    """Make a deck of what was drawn; returns its images by hash, too. Equal images come once."""
    unique: dict[str, Drawn] = {}
    for one in drawn:
        unique.setdefault(one.claim.image, one)
    # By their hashes first: the order in which kinds were drawn must not show in that of the images.
    hashes = sorted(unique)
    order = random_of("order", subjects, number).permutation(len(hashes))
    images = [hashes[i] for i in order]
    deck = Deck(
        id=_id_of(images),
        number=number,
        classes=list(classes),
        subjects=subjects,
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
    """Return the random numbers by which one part of a deck is drawn.

    They depend on what is reviewed and on the deck's number: a deck cannot be drawn again until it
    pleases.
    """
    of = (subjects.classifier, subjects.generator, subjects.judges, subjects.seed)
    key = stream_key("review", what, *map(str, of), number)
    return np.random.Generator(np.random.Philox(key=key))


def _id_of(images: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(images).encode()).hexdigest()[:8]
