"""The run as Markdown, for pull requests and job summaries; no pictures."""

from __future__ import annotations

from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents, wording
from pytest_failcond.report.markdown.draw import escape, paragraph, section, write
from pytest_failcond.report.reasons import merged, reasons, told_once
from pytest_failcond.report.sections import DOWN, sections
from pytest_failcond.words.blocks import Block, Note, Table

__all__ = ["escape", "render"]


def render(run: Shown) -> str:
    """Return verdict, failing checks, accuracy and directions as Markdown."""
    line, status = contents.verdict_line(run)
    sign = "" if status is None else f"{wording.SIGNS[status]} "
    parts = [f"## {sign}failcond\n\n**{escape(line)}**\n\n{paragraph(wording.subject(run))}"]
    parts += [paragraph(remark) for remark in contents.remarks(run)]
    parts += [
        _failures(run),
        *(section(found) for found in sections(run, DOWN)),
    ]
    return "\n".join(part for part in parts if part)


def _failures(run: Shown) -> str:
    found, more = reasons(run)
    if not found:
        return ""
    shown = told_once(merged(found))
    rows = [[wording.label(r.status), r.gate, r.subjects, r.threshold, r.why] for r in shown]
    rows += [["", gate, f"… and {n:,} more", "", ""] for gate, n in more.items()]
    blocks: list[Block] = [Table(["verdict", "gate", "key", "threshold", "why"], rows, words=5)]
    if any(c.bound is not None for c in run.checks):
        blocks.append(Note(wording.BOUNDS))
    return "\n".join(write(blocks))
