"""Let a reader check, blind, whether corner cases still show their class.

The command draws a deck of images from a kept run before anybody has seen one: corner cases, wrong images
that the judges reject, and images whose answer is known. A page on this machine shows the images one after
the other. The reader types the key of the class, or ? for "can't tell". The page does not depend on the
claimed classes. Each answer is saved at once; the same command continues a stopped review.

--page writes the page as a file for a reader elsewhere; --images writes the images, with a table to fill in.
--answers reads the downloaded answers of the page, or the table. --show prints the findings and the decks.
--calibrate proposes the smallest acceptance.least_p whose share of readable corner cases is proven.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failcond.commands.arguments import up_to
from pytest_failcond.errors import FailcondError
from pytest_failcond.ranges import LONGEST_NAME, Whole, shorten
from pytest_failcond.words.printing import count, say

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.review.answers import ReaderKind, Review
    from pytest_failcond.review.deck import Deck
    from pytest_failcond.review.page import Blind

_PORT = Whole(0, 65_535)
_MOST = 10_000  # corner cases in a deck


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond review``."""
    parser.add_argument(
        "run_file", type=Path, nargs="?", metavar="RUN", help="a run file with directions"
    )
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--page", type=Path, metavar="FILE", help="write the page as a file")
    ways.add_argument(
        "--images", type=Path, metavar="FOLDER", help="write the images, and a table to fill in"
    )
    ways.add_argument(
        "--answers", type=Path, metavar="FILE", help="read downloaded answers, or a filled table"
    )
    ways.add_argument("--show", action="store_true", help="print the findings and the decks")
    ways.add_argument(
        "--calibrate",
        type=_share,
        metavar="SHARE",
        help="propose the smallest acceptance.least_p with at least this readable share, such as 0.9",
    )
    parser.add_argument(
        "--reader", type=_name, metavar="NAME", help="the reader's name (default: reader)"
    )
    parser.add_argument(
        "--kind", choices=("person", "model"), help="the kind of reader (default: person)"
    )
    parser.add_argument("--new", action="store_true", help="draw another deck of other images")
    parser.add_argument("--deck", metavar="ID", help="the deck (default: the last of the run)")
    parser.add_argument(
        "--breaks",
        type=up_to(_MOST),
        metavar="N",
        help="corner cases in a new deck (default: 50)",
    )
    parser.add_argument("--port", type=_PORT.read, default=0, help="(default: a free port)")
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, open no browser"
    )
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: found here)")
    parser.add_argument("--classifier", metavar="MODULE:CALLABLE", help="in place of the run's")


def _name(text: str) -> str:
    if not 0 < len(text.strip()) <= LONGEST_NAME:
        raise argparse.ArgumentTypeError(
            f"{shorten(text)!r}: give a name of 1 to {LONGEST_NAME} characters"
        )
    return text.strip()


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r}: give a share between 0 and 1, such as 0.9"
        )
    return value


def run(options: argparse.Namespace) -> int:
    """Run ``failcond review``; its help explains the ways."""
    from pytest_failcond.laboratory.configured import find_settings
    from pytest_failcond.review.answers import FILE
    from pytest_failcond.runs.run import Run

    kept = None if options.run_file is None else Run.load_whole(options.run_file)
    classifier = options.classifier or (kept.settings.get("classifier") if kept else None)
    settings = find_settings(options.config, classifier=classifier)
    path = settings.path(settings.review or FILE)
    if options.show:
        return _show(path, settings, options)
    if options.calibrate is not None:
        return _calibrate(path, settings, options)
    if options.answers is not None:
        return _read(path, settings, options)
    deck = _deck(path, settings, options, kept)
    if options.page is not None:
        return _write_page(path, settings, options, deck)
    if options.images is not None:
        return _write_images(path, options, deck)
    return _serve(path, settings, options, deck)


def _deck(path: Path, settings: Settings, options: argparse.Namespace, kept: object) -> Deck:
    from pytest_failcond.commands.progress import announce
    from pytest_failcond.review.deck import KINDS
    from pytest_failcond.review.opening import Wanted, deck_for
    from pytest_failcond.runs.run import Run

    if options.deck is not None:
        return _review(path, options).deck(options.deck)
    if not isinstance(kept, Run):
        raise FailcondError("RUN: name the run file with the corner cases to review")
    counts = KINDS if options.breaks is None else KINDS | {"break": options.breaks}
    wanted = Wanted(kept, str(options.run_file), options.new, counts)
    return deck_for(wanted, settings, path, announce)


def _review(path: Path, options: argparse.Namespace) -> Review:
    from pytest_failcond.review.answers import read_review

    review = read_review(path)
    if review is None or not review.decks:
        run = "RUN" if options.run_file is None else str(options.run_file)
        begin = _command(options, run)
        raise FailcondError(f"{path}: there is no review yet; begin with `{begin}`")
    return review


def _command(options: argparse.Namespace, *words: str) -> str:
    """Return a ``failcond review`` of the same configuration."""
    from pytest_failcond.words.commands import command_line, given_in

    return command_line(["review", *words], given_in({"config": options.config}))


def _blind(path: Path, deck: Deck) -> Blind:
    from pytest_failcond.review.answers import read_images
    from pytest_failcond.review.page import Blind
    from pytest_failcond.subjects.images import png

    images = read_images(path, deck)
    height, width = images[0].shape[:2]
    pngs = tuple(png(pixels) for pixels in images)
    return Blind(deck.id, tuple(deck.classes), tuple(deck.images), pngs, (width, height))


def _reader(options: argparse.Namespace) -> tuple[str, ReaderKind]:
    return options.reader or "reader", options.kind or "person"


def _write_page(path: Path, settings: Settings, options: argparse.Namespace, deck: Deck) -> int:
    from pytest_failcond.config.inputs import inputs_of
    from pytest_failcond.review.page import page_as_file
    from pytest_failcond.storage.files import write_atomically
    from pytest_failcond.storage.outputs import Place, check_outputs

    check_outputs([Place("--page", options.page)], inputs_of(settings, options.config))
    _, kind = _reader(options)
    write_atomically(options.page, page_as_file(_blind(path, deck), options.reader or "", kind))
    say(f"wrote {options.page}: {count(len(deck.images), 'image')} of deck {deck.id}")
    read = _command(options, "--answers", "FILE")
    say(f"then read the answers that the page downloads: {read}")
    return 0


def _write_images(path: Path, options: argparse.Namespace, deck: Deck) -> int:
    from pytest_failcond.review.answers import read_images
    from pytest_failcond.review.folder import ANSWERS, write_folder

    write_folder(options.images, deck, read_images(path, deck))
    say(f"wrote {count(len(deck.images), 'image')} of deck {deck.id} to {options.images}")
    table = options.images / ANSWERS
    read = _command(options, "--answers", str(table), "--reader", "NAME", "--kind", "person")
    say(f"then read the filled table: {read} (or --kind model)")
    return 0


def _read(path: Path, settings: Settings, options: argparse.Namespace) -> int:
    from pytest_failcond.review.answers import update_review
    from pytest_failcond.review.folder import read_answers

    review = _review(path, options)
    answers = read_answers(options.answers, review, options.reader, options.kind, options.deck)
    update_review(path, lambda now: now.with_answers(answers))
    say(f"read {count(len(answers), 'answer')} of {options.answers}")
    return _show(path, settings, options)


def _show(path: Path, settings: Settings, options: argparse.Namespace) -> int:
    from pytest_failcond.review.summary import summary

    for line in summary(_review(path, options), settings):
        say(line)
    return 0


def _calibrate(path: Path, settings: Settings, options: argparse.Namespace) -> int:
    from pytest_failcond.review.answers import update_review
    from pytest_failcond.review.calibration import calibrated, calibration_text, decks_to_use

    review = _review(path, options)
    decks = decks_to_use(review, options.deck)
    lines, proven = calibration_text(
        review, decks, options.calibrate, settings.confidence, settings.given
    )
    # Whatever the result: a user who has seen it may choose by it.
    update_review(path, lambda now: calibrated(now, [deck.id for deck in decks]))
    for line in lines:
        say(line)
    return 0 if proven else 1


def _serve(path: Path, settings: Settings, options: argparse.Namespace, deck: Deck) -> int:
    from pytest_failcond.review.serving import serve

    reader, kind = _reader(options)
    blind = _blind(path, deck)
    done = serve(blind, path, reader, kind, port=options.port, browser=not options.no_browser)
    total = len(deck.images)
    say(f"{done} of {total} images answered by {reader}, kept in {path}")
    if done < total:
        say("the same command continues with the rest")
        return 0
    if settings.review is None:
        say(f'set review = "{path.name}" in {settings.table()} to show the findings in reports')
    return _show(path, settings, options)
