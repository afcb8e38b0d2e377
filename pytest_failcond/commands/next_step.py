"""The line that tells how a file that a command wrote is used."""

from __future__ import annotations

import json
import os
from pathlib import Path


def set_key(key: str, path: Path) -> str:
    """Return ``Next: set key = "path" in [tool.failcond]``, path and table as the project's file names them."""
    from pytest_failcond.config.configuration import Finder, table_name

    found = Finder().nearest(Path.cwd())
    folder = Path.cwd() if found is None else found.path.parent
    named = Path(os.path.relpath(path, folder)).as_posix()
    table = table_name(prefixed=found is None or found.prefixed)
    return f"Next: set {key} = {json.dumps(named, ensure_ascii=False)} in {table}"
