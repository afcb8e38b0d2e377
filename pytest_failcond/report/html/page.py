"""The whole report as one page that needs neither pytest nor a network."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents, wording
from pytest_failcond.report.details import articles
from pytest_failcond.report.html.details import content
from pytest_failcond.report.html.parts import anchor, document, fragment, style, tag
from pytest_failcond.report.html.summary import heading, sections, verdict

MADE_BY = "failcond report"
"""The mark in the head of a page: it may be written again."""
_BEGINNING = 1000  # bytes that hold the mark


def is_page(file: Path) -> bool:
    """Whether a file is such a page."""
    with file.open("rb") as stream:
        return f'content="{MADE_BY}"'.encode() in stream.read(_BEGINNING)


def page(run: Shown, *, pictures: bool = True) -> str:
    """Return a complete HTML document: the summary, and an article for each key that failed."""
    failed = articles(run)
    links, body = [], [_header(run)]
    for number, (part, below) in enumerate(
        sections(run, pictures=pictures, linked=frozenset(failed)), 1
    ):
        place = f"section-{number}"
        body.append(tag("section", tag("h2", heading(part)), *below, id=place))
        links.append(_link(part.title, f"#{place}"))
    if failed:
        written = [
            tag("article", tag("h3", wording.key_text(run, key)),
                *content(run, key, inside, pictures=pictures), id=anchor(key))
            for key, inside in failed.items()
        ]  # fmt: skip
        title = f"What failed, one by one ({len(failed)})"
        body.append(tag("section", tag("h2", title), *written, id="failed"))
        links.append(_link("What failed", "#failed"))
    line, _ = contents.verdict_line(run)
    head = tag("head", tag("meta", charset="utf-8"),
               tag("meta", name="generator", content=MADE_BY), tag("title", f"failcond: {line}"),
               tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
               tag("style", style("report.css"), style("page.css")))  # fmt: skip
    nav = tag("nav", tag("ul", *links), aria_label="Contents")
    whole = tag("html", head, tag("body", nav, tag("main", fragment(body))), lang="en")
    return str(document(whole))


def _header(run: Shown) -> Markup:
    """Name the model, the date and the commit of the run."""
    said = wording.subject(run)
    return tag("header", tag("h1", "failcond"), tag("p", said, class_="note"), verdict(run))


def _link(title: str, href: str) -> Markup:
    return tag("li", tag("a", title, href=href))
