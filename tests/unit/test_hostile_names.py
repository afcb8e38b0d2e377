"""Whatever a name or a message holds, no medium lets it act: each has one border that all text passes."""

from __future__ import annotations

import ast
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import fields, is_dataclass, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markupsafe import Markup

from pytest_failcond.cli import main
from pytest_failcond.errors import FailcondError, FailcondWarning
from pytest_failcond.plugin import properties
from pytest_failcond.plugin.state import fail
from pytest_failcond.probes.corpus.record import Replay, Replayed
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.report import html, markdown, terminal
from pytest_failcond.report.filling import embedded
from pytest_failcond.report.html.parts import tag
from pytest_failcond.report.page import Page
from pytest_failcond.words.printing import (
    disarmed,
    escape_html,
    lines,
    one_line,
    printable,
    put,
    say,
)
from tests.runs import changed, make_comparison, make_run
from tests.sources import FILES, nodes_of

HOSTILE = {
    "colour": "\x1b[31mred",
    "title": "\x1b]0;mine\x07",
    "command": "x\n::error::taken over\r\n##[error]too",
    "command at once": "::error::taken over",
    "old command": "##[error]taken over",
    "direction of writing": "a\u202egnp.exe",
    "control": "".join(map(chr, [*range(32), 127, *range(128, 160)])),
    "no Unicode": "a\udcffb",
    "script": "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)>",
    "attribute": "\"' onclick=alert(1) x='",
    "table": "a|b | c \\| d",
    "code": "`` ` ``` ~~~",
    "markdown": "# h\n- x\n> q\n![i](javascript:x) [l](evil) [r][]\n[r]: evil\n **b** _i_ $x$",
    "addresses": "http://evil.example www.evil.example @team #1 a@b.example",
    "data": "]]> & &lt; <![CDATA[",
    "long": "long " * 100,
    "all": "".join(map(chr, range(0x300))) + "\u2028\u2029\u202a\u2066\ufeff\U000e0041",
}
TYPED = {k: HOSTILE[k] for k in ("command", "command at once", "control", "no Unicode", "long")}
hostile = pytest.mark.parametrize("evil", HOSTILE.values(), ids=HOSTILE)
ANYTHING = st.text(st.characters(), max_size=40) | st.sampled_from(list(HOSTILE.values()))

# Strings that have a form of their own, which whoever reads a run file checks.
FORMED = {
    "key", "verdict", "level", "metric", "status", "file", "picture", "pixels", "accepted", "predicted",
    "lost_in", "keeps", "gone", "layer",
}  # fmt: skip


def poisoned(value, evil):
    """Put a hostile text into every string that has no form of its own."""
    if isinstance(value, str):
        return f"{value}{evil}"
    if isinstance(value, dict):
        return {k: v if k in FORMED else poisoned(v, evil) for k, v in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(poisoned(v, evil) for v in value)
    if is_dataclass(value):
        old = {f.name: getattr(value, f.name) for f in fields(value)}
        new = {k: v if k in FORMED else poisoned(v, evil) for k, v in old.items()}
        return replace(value, **{k: v for k, v in new.items() if v is not old[k]})
    return value


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory):
    """Make, once for each hostile text, a run in which all that a user may name is hostile."""
    folder = tmp_path_factory.mktemp("pictures")
    run = replace(make_run(folder), comparison=make_comparison(folder))
    return cache(lambda evil: spoiled(run, folder, evil))


def spoiled(run, folder, evil):
    """A run in which everything that a user may name is hostile, with pictures and a comparison."""
    replayed = (
        Replayed(
            "0-1-up-2", "fixed", 0, 1, 0.2, sorted(p.name for p in folder.iterdir())[0], "sha256:1"
        ),
        Replayed("0-1-up-3", "open", 0, 0, 0.9, None, "sha256:2"),
    )
    run = changed(run, corpus=Replay(replayed, "sha256:x"))
    parts = ("classes", "gates", "comparison", "environment", "subjects", "notes", "directions")
    run = changed(run, **{name: poisoned(getattr(run, name), evil) for name in parts})
    environment = run.environment | {
        "commit": evil, "date": evil, "dirty": True, "python": evil, "torch": evil, "device": evil,
    }  # fmt: skip
    subjects = run.subjects | {
        "corruptions": evil,
        "classifier": {"name": evil, "hash": evil},
        "judge": evil,
        "images": evil,
    }
    errors = {"ranking:1": evil, "corruption:fog:1": f"x {evil}", "corpus": evil}
    return replace(run, environment=environment, subjects=subjects, errors=errors)


def check_text(text, *, color=False):
    """Nothing but printable lines, our colours, and no command."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text) if color else text
    for line in plain.split("\n"):
        assert line.isprintable(), ascii(line)
        assert not line.lstrip().startswith("::")
        assert "##[" not in line
    text.encode()


@cache
def tags(text):
    """The tags of a page, parsed once: many are compared with the same."""
    return Tags(text)


class Tags(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.seen, self.handlers, self.comments = set(), set(), []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.handlers |= {name for name, _ in attrs}

    def handle_comment(self, data):
        self.comments.append(data)


def check_html(text, like):
    """The same tags and attributes as of a run without hostile names, and no control character."""
    assert text.replace("\n", "").isprintable()
    text.encode()
    found, plain = Tags(text), tags(like)
    assert found.seen <= plain.seen
    assert found.handlers <= plain.handlers
    assert found.comments == plain.comments


@cache
def shape(source):
    """The elements of Markdown."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = []
    for token in parser.parse(source):
        found.append((token.type, token.tag))
        for child in token.children or ():
            if child.type not in ("text", "html_inline", "text_special"):
                found.append((child.type, child.tag))
            if child.type == "html_inline":
                assert child.content == "<!-- -->"
    return found


def check_markdown(text, like):
    check_text(text)
    assert shape(text) == shape(like)
    assert not re.search(r"(?<!\\)://|www\.|[@#]\w", text)


@pytest.fixture(scope="module")
def plain(hostile_run):
    return hostile_run("x")


def shown(run):
    """What the media that are compared make of a run."""
    keys = [*run.measurements, *run.directions, "ranking:1", "corpus:0-1-up-2"]
    return {
        "markdown": markdown.render(run),
        "page": html.page(run),
        "summary": html.summary(run),
        **{key: html.details(run, PROBES.about(key)) for key in keys},
    }


@pytest.fixture(scope="module")
def plainly(plain):
    return shown(plain)


@hostile
def test_a_run_is_shown_as_it_is_by_every_medium(hostile_run, plainly, evil):
    run = hostile_run(evil)
    for verbose, color, unicode in [(1, True, True), (0, False, True), (-1, True, False)]:
        text = terminal.render(run, width=100, color=color, unicode=unicode, verbose=verbose)
        check_text(text, color=color)
    evilly = shown(run)
    check_markdown(evilly.pop("markdown"), plainly["markdown"])
    for medium, text in evilly.items():
        check_html(text, plainly[medium])


@hostile
def test_what_is_noted_on_tests_is_valid_xml(hostile_run, evil):
    from types import SimpleNamespace

    from pytest_failcond.plugin.session import Failcond
    from pytest_failcond.plugin.settling import describe

    run = hostile_run(evil)
    told = SimpleNamespace(_state=SimpleNamespace(item=SimpleNamespace(user_properties=[])))
    for name, value in properties.of_checks(run.checks, run.classes):
        Failcond._tell(told, name, value)
    for check in run.checks:
        Failcond._tell(told, "described", describe(check, run.classes))
        with pytest.raises(pytest.fail.Exception) as caught:
            fail(describe(check, run.classes))
        check_text(str(caught.value))
    noted = told._state.item.user_properties
    assert noted
    for _, value in noted:
        if isinstance(value, str):
            assert value.isprintable()
            ElementTree.fromstring(f"<x y='{escape_html(value)}'/>")


@pytest.mark.parametrize(
    "command", ["report", "baseline", "compare", "history", "selftest", "merge"]
)
@pytest.mark.parametrize("evil", [HOSTILE[k] for k in ("command", "script", "direction of writing", "no Unicode")])  # fmt: skip
def test_commands_say_what_they_did_in_lines_that_do_nothing(
    tmp_path, hostile_run, monkeypatch, capsys, command, evil
):
    monkeypatch.chdir(tmp_path)
    hostile_run(evil).save("run.json")
    name = f"{evil}.json".replace("/", "|")
    path = Path(name)
    path.write_bytes(Path("run.json").read_bytes())
    line = {
        "report": ["report", name, "--out", f"{name}.html", "--markdown", f"{name}.md"],
        "baseline": ["baseline", name, "--out", f"{name}.out"],
        "compare": ["compare", name, "run.json", "--json", f"{name}.out"],
        "history": ["history", name, "run.json"],
        "selftest": ["selftest", name, "--resamples", "5"],
        "merge": ["merge", name, "run.json"],
    }[command]
    status = main(line)
    found = capsys.readouterr()
    assert found.out or found.err
    check_text(found.out)
    check_text(found.err)
    assert status in (0, 2)


@pytest.mark.parametrize("evil", TYPED.values(), ids=TYPED)
@pytest.mark.parametrize(
    "line",
    [["report", "{}"], ["report", "run.json", "--{}"], ["show", "{}", "--shift", "1", "--sample", "0"],
     ["compare", "{}", "x"], ["compare", "{}:x", "x:y"], ["history", "{}"], ["selftest", "{}", "--seed", "{}"],
     ["explore", "--config", "{}"], ["train", "{}"], ["discover", "--config", "{}", "--fixed", "{}"],
     ["init", "--folder", "{}"], ["{}"], ["baseline", "{}", "--out", "{}"], ["merge", "{}", "{}"]],
    ids=lambda line: " ".join(line),
)  # fmt: skip
def test_what_was_typed_is_repeated_in_a_line_that_does_nothing(
    tmp_path, monkeypatch, capsys, evil, line
):
    monkeypatch.chdir(tmp_path)
    try:
        status = main([word.replace("{}", evil.replace("\0", "")) for word in line])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    check_text(capsys.readouterr().err)


@given(text=ANYTHING)
@settings(deadline=None, max_examples=150)
def test_every_border_holds_for_any_text(text):
    for passed in (one_line(text), one_line(f"  {text}"), str(FailcondError(text))):
        assert passed.isprintable()
    assert str(FailcondWarning(text)).isprintable()
    check_text(one_line(text))
    check_text(lines(text))
    assert one_line(one_line(text)) == one_line(text)
    page = Page(60, color=True, unicode=True)
    page.print(text, "bold")
    page.print(f"x{text}", indent=2)
    check_text(page.content(), color=True)
    assert Tags(f"<p title='{escape_html(text)}'>{escape_html(text)}</p>").seen == {"p"}
    data = embedded({"name": text, "names": [text]})
    assert data.isascii()
    assert not set("<>&") & set(data)
    assert json.loads(data)["name"].isprintable()
    check_text(markdown.escape(text))
    for encoding in ("utf-8", "ascii", "cp1252"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
        say(text, to=stream)
        put(disarmed(printable(f"{text} σ → ✗")), to=stream)


@given(text=ANYTHING)
@settings(deadline=None, max_examples=60)
def test_html_and_text_are_told_apart_by_their_type(text):
    inner = tag("b", text, title=text)
    for whole in (tag("p", inner, text), tag("p", text, inner)):
        assert isinstance(whole, Markup)
    assert Tags(tag("p", str(text))).seen == {"p"}
    found = Tags(tag("p", inner, text))
    assert (found.seen, found.handlers) == ({"p", "b"}, {"title"})
    assert tag("p", str(inner)) == tag("p", f"{inner}") != tag("p", inner), "text is never HTML"
    assert Tags(tag("p", str(inner))).seen == {"p"}


def test_what_leaves_is_plain_text(plain):
    """What pytest-html and pytest-xdist are given is of a type that they know."""
    key = PROBES.about("clean")
    assert {type(html.page(plain)), type(html.summary(plain)), type(html.details(plain, key))} == {
        str
    }


def test_every_class_of_character_is_escaped_or_printable():
    every = "".join(map(chr, range(0x10000)))
    assert printable(every).isprintable()
    printable(every).encode()


def test_only_the_border_prints_and_only_the_border_escapes():
    """Else a text could take another way out."""
    for path in FILES:
        if path.name == "printing.py" or "run_file" in path.parts:
            continue
        for node in nodes_of(path):
            name = getattr(getattr(node, "func", None), "id", None)
            assert name != "print", f"{path}:{node.lineno} prints; use `say`"
            if isinstance(node, ast.ImportFrom):
                assert node.module != "html", f"{path} escapes by itself; use `escape_html`"
            if path.name != "parts.py":
                assert name != "Markup", f"{path}:{node.lineno} makes HTML of text; use `tag`"
