"""Decks to test with: small images whose brightest rows tell their class, and what is claimed of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pytest_failcond.review.answers import Answer, Review, image_path, update_review
from pytest_failcond.review.deck import Claim, Deck, Drawn, Kind, Subjects, hash_pixels, make_deck
from pytest_failcond.subjects.images import png

CLASSES = ("circle", "square", "triangle")
COUNTS: dict[Kind, int] = {"break": 12, "rejected": 5, "test": 4, "unreadable": 4}


SEARCHED = {"dimensions": 32, "max_distance": 8.0, "toward": [], "guides": ["model:1"]}
"""Of a deck that draws from combinations too."""


def subjects(**changes: Any) -> Subjects:
    """Return what was reviewed."""
    of: dict[str, Any] = {
        "classifier": "sha256:" + "c" * 64,
        "generator": "sha256:" + "a" * 64,
        "judges": "sha256:" + "b" * 64,
        "version": "mine:model (cccccccc)",
        "least_p": 0.8,
        "truncation": 1.0,
        "max_shift": 8.0,
        "seed": 0,
    }
    return Subjects(**(of | changes))


def drawn(
    counts: dict[Kind, int] = COUNTS,
    *,
    classes: Sequence[str] = CLASSES,
    side: int = 8,
    channels: int = 1,
    seed: int = 0,
    combined: bool = False,
) -> list[Drawn]:
    """Return images of each kind; the class of the n-th of a kind is n modulo the number of classes.

    ``combined``: every other break is a combination, and every other rejected image.
    """
    random = np.random.default_rng(seed)
    found = []
    for kind, count in counts.items():
        for number in range(count):
            pixels = random.integers(0, 90, (side, side, channels), dtype=np.uint8)
            label = number % len(classes)
            if kind != "unreadable":
                pixels[label * side // len(classes) : (label + 1) * side // len(classes)] += 120
            moved = kind in ("break", "rejected")
            search = combined and moved and number % 2 == 1
            moves = {f"direction:{label}:7:+": 1.2, f"direction:{label}:9:-": 0.9}
            claim = Claim(
                image=hash_pixels(pixels),
                kind=kind,
                class_name=None if kind == "unreadable" else classes[label],
                level=round(float(random.uniform(0.81, 1)), 4) if kind == "break" else None,
                direction=f"direction:{label}:7:+" if moved and not search else None,
                search=f"combination:{label}" if search else None,
                moves=moves if search else None,
                sample=number if moved else None,
                shift=1.5 if moved else None,
            )
            found.append(Drawn(pixels, claim))
    return found


def write_review(path: Path, of: Subjects | None = None, **changes: Any) -> Deck:
    """Write a review file with one deck that nobody has read; `drawn` takes the changes."""
    names = changes.get("classes", CLASSES)
    deck, images = make_deck(drawn(**changes), names, of or subjects(), 1)
    for image, pixels in images.items():  # which `update_review` does with more care, and time
        file = image_path(path, image)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(png(pixels))
    update_review(path, lambda review: review.with_deck(deck))
    return deck


def claims(deck: Deck) -> dict[str, Claim]:
    """Return what is claimed, by image."""
    return {claim.image: claim for claim in deck.claims}


def read_all(
    deck: Deck, say: Callable[[Claim], str | None], reader: str = "Ann", **changes: Any
) -> list[Answer]:
    """Return the answers of a reader to all images."""
    of = claims(deck)
    fields = {"deck": deck.id, "reader": reader, "kind": "person"} | changes
    return [Answer(image=image, answer=say(of[image]), **fields) for image in deck.images]


def truthful(claim: Claim) -> str | None:
    """Say what is claimed."""
    return claim.class_name


def review_of(deck: Deck, *answers: list[Answer]) -> Review:
    """Return a review with a deck and the answers of some readers."""
    review = Review((deck,))
    for given in answers:
        review = review.with_answers(given)
    return review
