"""Print the JSON Schema of the run file: ``python -m pytest_failcond.runs.run_file > docs/run.schema.json``."""

from __future__ import annotations

import sys

from pytest_failcond.runs.run_file.schema import schema_text

if __name__ == "__main__":
    sys.stdout.write(schema_text())
