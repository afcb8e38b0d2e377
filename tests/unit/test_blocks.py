"""Every block is drawn by every medium, or left out where it says so; hostile words act in none."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from markdown_it import MarkdownIt

from pytest_failcond.report.html.draw import Drawing
from pytest_failcond.report.markdown import draw as markdown
from pytest_failcond.report.page import Page
from pytest_failcond.report.terminal import draw as terminal
from pytest_failcond.words.blocks import Block, Cell, Column, Fold, Heading, Note, Section, Table
from pytest_failcond.words.drawings import Curve, Frame, Heat, Legend, Line, Said, Shade, Strip
from pytest_failcond.words.media import HTML, MARKDOWN, MEDIA, NONE, TERMINAL
from tests.runs import EVIL, make_run

WORD = f"spoken {EVIL}|*x*"
BLOCKS: dict[str, Block] = {
    "note": Note(WORD),
    "command": Note("type ", command=WORD),
    "heading": Heading(WORD),
    "minor heading": Heading(WORD, minor=True),
    "table of texts": Table([WORD, "n"], [["a", "1"], ["b"]], told="what it means"),
    "table of cells": Table(
        [Column("a", "verdict"), Column("b", "number", signed=True), Column("c", "prose")],
        [
            [Cell("failed", "failed"), Cell("0.5", "failed"), Cell(WORD, below=["more"], inside=True)],
            [Cell(title="name", marked=True, status="passed"), Cell("0.7"), Cell(lines=["x", "y"])],
        ],
        first=1,
        rest="one more",
    ),
    "fold": Fold(WORD, [Note("inside")]),
    "heat": Heat([WORD], ["1", "2"], [[Shade(0.5, "failed"), None]], [None], Shade(None), ([0.5], None)),
    "strip": Strip([Frame([Said(WORD, "failed")], [WORD])]),
    "curve": Curve(WORD, [0, 0.5], [Line("broken", [0, 3], 20), Line("p", [1, 0.5])], 0.5, 0.5, True, 0.95),
    "legend": Legend([("broken", WORD)], "shares"),
}  # fmt: skip
PICTURES = ("strip", "curve", "legend")


def of(kind: str, block: Block) -> str:
    """Draw a section of one block."""
    section = Section("title", [block])
    if kind == "html":
        return "".join(Drawing(make_run()).section(section))
    if kind == "markdown":
        return markdown.section(section)
    page = Page(100, color=False, unicode=True)
    terminal.show_section(page, section, kind)
    return page.content()


def test_every_kind_of_block_is_tried():
    assert {type(block) for block in BLOCKS.values()} == set(Block.__args__)


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("medium", sorted(MEDIA))
def test_every_medium_draws_every_block(medium, name):
    text = of(medium, BLOCKS[name])
    drawable = medium == "html" or name not in PICTURES
    assert ("spoken" in text) == drawable
    if medium == "html":
        assert "<script" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    if medium == "markdown" and drawable:
        html = MarkdownIt("commonmark").enable("table").render(text)
        assert "<script" not in html
        assert "<em>" not in html


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize(
    "on", [TERMINAL, HTML, MARKDOWN, NONE], ids=lambda on: "-".join(sorted(on))
)
def test_a_block_is_only_where_it_says(name, on):
    block = BLOCKS[name]
    elsewhere = type(block)(**{f.name: getattr(block, f.name) for f in fields(block)} | {"on": on})
    for medium in MEDIA - on:
        assert "spoken" not in of(medium, elsewhere)


def test_a_column_is_only_where_it_says_and_where_there_is_room():
    table = Table(
        [Column("a"), Column("b", on=HTML, told="b is so"), Column("c", spare=True, told="c too")],
        [["1", "2", "3"]],
    )
    wide, narrow = table.seen_on("terminal"), table.seen_on("terminal", spare=False)
    assert [[column.title for column in columns] for columns, _ in (wide, narrow)] == [
        ["a", "c"],
        ["a"],
    ]
    assert [[cell.text for cell in rows[0]] for _, rows in (wide, narrow)] == [["1", "3"], ["1"]]
    assert table.explained(table.seen_on("html")[0]) == "b is so c too"
    assert "b is so" in of("html", table)
    assert "b is so" not in of("terminal", table)
    assert "c too" not in of("markdown", table), "a summary is short"


def test_rows_that_are_folded_away_on_a_page_are_in_the_table_elsewhere():
    table = Table(["", "n"], [["one", "1"], ["two", "2"], ["three", "3"]], first=1, rest="2 more")
    page = of("html", table)
    assert re.findall(r"<td>(\w+)</td>", page.partition("<details>")[0]) == ["one"]
    assert "<summary>2 more</summary>" in page
    for medium in ("terminal", "markdown"):
        text = of(medium, table)
        assert "2 more" not in text
        assert all(word in text for word in ("one", "two", "three"))


def test_a_cell_that_does_not_repeat_is_blank_below_itself():
    table = Table([Column("a", repeats=False), Column("b")], [["x", "1"], ["x", "2"], ["y", "3"]])
    lines = of("terminal", table).splitlines()[3:6]
    assert [line.split() for line in lines] == [["x", "1"], ["2"], ["y", "3"]]
    assert of("markdown", table).count("| x |") == 2


def test_a_short_section_is_one_line():
    section = Section("Corpus", [Note("all held")], short=True)
    page = Page(100, color=False, unicode=True)
    terminal.show_section(page, section)
    assert page.content() == "Corpus  all held\n\n"
    assert markdown.section(section) == "Corpus: all held\n"


def test_nothing_is_said_of_a_section_without_blocks_for_a_medium():
    section = Section("title", [Note("x", on=HTML)])
    page = Page(100, color=False, unicode=True)
    terminal.show_section(page, section)
    assert (page.content(), markdown.section(section)) == ("", "")
