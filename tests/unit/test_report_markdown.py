"""The Markdown summary: tables that hold together whatever things are called."""

import re

from pytest_failcond.report import markdown
from tests.runs import make_gates, make_run


def tables(text):
    """Rows of cells of each table."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    return [[re.split(r"(?<!\\)\|", line)[1:-1] for line in b.splitlines()] for b in blocks]


def test_content():
    text = markdown.render(make_run())
    assert text.startswith("## ✗ failcond\n\n**verdict: failed; 1 gate not evaluated")
    assert "\n\nmine:load, 2026-01-01\n\n" in text
    failing, gates, accuracy, directions = tables(text)
    assert [cell.strip() for cell in gates[2][:5]] == [
        "✗ failed", "gaussian-noise", "accuracy_drop ≤ 0.05", "corruption:gaussian_noise:3", "0.0821",
    ]  # fmt: skip
    assert "expected to fail: known, see the roadmap" in gates[5][-1]
    assert gates[6][0].strip() == r"\~ marginal"
    assert [row[0].strip() for row in failing[2:]] == [
        "✗ failed",
        "? error",
        "✗ failed",
        "! warned",
    ]
    assert [cell.strip() for cell in accuracy[3]] == [
        "gaussian_noise", "0.8600", "0.9800", "0.9200 ✗", "0.8600 ✗", "0.8000", "0.7400",
    ]  # fmt: skip
    assert accuracy[4][-1].strip() == "error ?"
    assert [row[3].strip() for row in directions[2:]] == ["2.0 σ", "&gt; 8.0 σ", "&gt; 2.5 σ"]
    assert "10 cells, 10 gated" in text
    assert "passed over" in text
    assert "![" not in text
    assert "base64" not in text


def test_what_directions_change():
    text = markdown.render(make_run())
    assert "| noise +4.1 σ, contrast −0.6 σ, at the top left 0.9 σ |" in text
    assert "; noise + breaks zero first" in text


def test_tables_keep_their_shape():
    for table in tables(markdown.render(make_run(classes=("a|b", "c\nd", "`e`")))):
        assert len({len(row) for row in table}) == 1


def test_names_are_escaped():
    text = markdown.render(make_run())
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert r"\[red\]x\|\`\$a_b\$" in text
    assert markdown.escape("a\nb|c`d`<e>") == r"a\\nb\|c\`d\`&lt;e&gt;"
    assert markdown.escape("_x_ a_b") == r"\_x\_ a_b"
    assert markdown.escape("@team #8") == "@<!-- -->team #<!-- -->8"


def test_absent_parts_are_silent():
    run = make_run(cells=False, corner_cases=False, gates=())
    assert markdown.render(run) == (
        "## failcond\n\n**verdict: nothing is gated**\n\nmine:load, 2026-01-01\n\nClean accuracy: 0.9800\n"
    )
    gates = tuple(gate for gate in make_gates() if gate.id == "clean-accuracy")
    run = make_run(cells=False, corner_cases=False, gates=gates)
    assert len(tables(markdown.render(run))) == 1, "of gates"
