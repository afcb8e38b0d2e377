"""Ways of testing a classifier: one folder or file for each, and a line in the registry.

Public, for a project's own probes: `Probe` and its parts.
"""

from pytest_failcond.probes.base import Asking, Bench, Planned, Planning, Probe, Record
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.metric import Metric
from pytest_failcond.probes.shown import Shown
from pytest_failcond.words.blocks import Block, Cell, Column, Fold, Heading, Note, Section, Table
from pytest_failcond.words.outcome import Fault, Outcome

__all__ = [
    "Asking", "Bench", "Block", "Cell", "Column", "Fault", "Fold", "Heading", "Key", "Metric", "Note",
    "Outcome", "Planned", "Planning", "Probe", "Record", "Section", "Shown", "Table",
]  # fmt: skip
