"""A review in the browser of this machine: its page is served, and each answer is saved at once."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path

from pytest_failcond.review.answers import Answer, ReaderKind, Review, read_review, update_review
from pytest_failcond.review.page import Blind, answer_of, is_answer, page_to_serve
from pytest_failcond.review.server import ReviewServer
from pytest_failcond.words.printing import say


def make_server(
    blind: Blind, path: Path, reader: str, kind: ReaderKind, *, port: int = 0
) -> ReviewServer:
    """Make a server that shows a deck to a reader, and saves the answers in the review file.

    Raises:
        FailcondError: the port is taken, or a reader of another kind has this name.
    """
    one_at_a_time = threading.Lock()
    update_review(path, lambda review: _greet(review, blind, reader, kind))

    def page() -> tuple[str, str]:
        return page_to_serve(blind, reader, kind, _given(path, blind, reader))

    def save(position: int, number: int | None) -> None:
        image = blind.images[position]

        def change(review: Review) -> Review:
            if number is None:
                return review.without(blind.deck, reader, image)
            said = answer_of(blind, number)
            answer = Answer(deck=blind.deck, image=image, answer=said, reader=reader, kind=kind)
            return review.with_answers([answer])

        with one_at_a_time:
            update_review(path, change)

    return ReviewServer(page, blind.pngs, save, lambda number: is_answer(blind, number), port)


def serve(
    blind: Blind,
    path: Path,
    reader: str,
    kind: ReaderKind,
    *,
    port: int = 0,
    browser: bool = True,
) -> int:
    """Serve until the reader has finished, or until Ctrl-C. Returns the number of images that the reader answered."""
    with make_server(blind, path, reader, kind, port=port) as server:
        say(f"open {server.url}")
        say("Ctrl-C ends the review; each answer is saved at once")
        if browser:
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            say()
    return len(_given(path, blind, reader))


def _greet(review: Review, blind: Blind, reader: str, kind: ReaderKind) -> Review:
    """Check that the review can take answers of this reader; returns it as it is."""
    image = blind.images[0]
    review.with_answers(
        [Answer(deck=blind.deck, image=image, answer=None, reader=reader, kind=kind)]
    )
    return review


def _given(path: Path, blind: Blind, reader: str) -> dict[str, Answer]:
    review = read_review(path) or Review()
    return review.answers_of(review.deck(blind.deck), reader)
