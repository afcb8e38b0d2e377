"""Every sentence of the package, room by room, word by word: what is reworded is seen in one diff.

``pytest tests/unit/test_sentences.py --snapshot-update`` writes the present ones into ``__snapshots__/``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.sources import FILES, ROOT, nodes_of, tree_of

ROOMS = sorted({path.relative_to(ROOT).parts[0] for path in FILES})


class Text(SingleFileSnapshotExtension):
    """A file for each room."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def modules(room: str) -> list[Path]:
    """The modules of a folder, or the one module."""
    return [path for path in FILES if path.relative_to(ROOT).parts[0] == room]


def template(node: ast.AST) -> str | None:
    """The text of a string; an f-string has the names of its values in braces."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            simple = isinstance(part.value, ast.Name | ast.Attribute)
            parts.append("{" + (ast.unparse(part.value) if simple else "…") + "}")
    return "".join(parts)


def is_sentence(text: str) -> bool:
    """Whether a string is more than a name: it has two words of two letters or more."""
    return " " in text and len(re.findall(r"[^\W\d_]{2,}", re.sub(r"\{[^}]*\}", "", text))) >= 2


def is_docstring(node: ast.AST) -> bool:
    """Whether it is a statement that is a string: a docstring, of an attribute too."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def messages(node: ast.AST) -> Iterator[str]:
    """The sentences that a program says, in their order."""
    for child in ast.iter_child_nodes(node):
        if is_docstring(child):
            continue
        if (text := template(child)) is None:
            yield from messages(child)
        elif is_sentence(text):
            yield text


def docstrings(path: Path) -> Iterator[str]:
    """The docstrings of a module and of all in it."""
    for found in nodes_of(path):
        if is_docstring(found) and isinstance(found.value.value, str):  # type: ignore[attr-defined]
            yield ast.literal_eval(found.value)  # type: ignore[attr-defined]


def said(room: str) -> str:
    """All messages of a room, a line each, below the names of their modules; a command's help too."""
    lines = []
    for path in modules(room):
        tree = tree_of(path)
        found = list(messages(tree))
        if room == "commands" and (help_text := ast.get_docstring(tree)):
            found.insert(0, help_text)
        if found:
            lines += ["", f"# {path.relative_to(ROOT).as_posix()}"]
            lines += [text.strip("\n").replace("\n", "\n    ") for text in found]
    return "\n".join(lines).lstrip("\n") + "\n"


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_says(room, snapshot):
    assert said(room) == snapshot(extension_class=Text)


REFUSED = {
    r"\bnobody\b|\b[Ww]hoever\b": "name who does it, or use the passive",
    r"\bstands? (twice|for itself|so)\b": "occurs twice; is; means",
    r"\bby (itself|themselves)\b": "alone; without help",
    r"\b[Ww]here (there (is|are) (none|nothing)|nobody|no judge|none is)\b": "if …; without …",
    r"(^|[.;] )Of ": "begin with the noun or the verb",
    r"\b[Ww]hat (is|was|are|were) to be\b": "the noun instead of what",
    r"\b([Nn]o one|none of which|whom)\b": "name who does it, or use the passive",
    r"\b[Ww]here there (is|are) no\b": "if …; without …",
    r"\bin silence\b|\btold of\b": "without a message; shown, said",
}


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_has_a_phrase_that_is_hard_to_read(room):
    """The worst of what CONTRIBUTING refuses under "Prose", in messages and docstrings."""
    found = [
        f"{path.relative_to(ROOT)}: {text!r}: {advice}"
        for path in modules(room)
        for text in (*messages(tree_of(path)), *docstrings(path))
        for line in (re.sub(r"\s+", " ", text),)
        for phrase, advice in REFUSED.items()
        if re.search(phrase, line)
    ]
    assert not found, "\n".join(found)
