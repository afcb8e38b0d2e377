"""The line that tells how a file that a command wrote is used."""

from __future__ import annotations

import json
import os
from pathlib import Path


def set_key(key: str, path: Path) -> str:
    """Return ``Next: set key = "path" in [tool.failcond]``, the path as the project's tables name it."""
    from pytest_failcond.config.configuration import project_folder

    named = Path(os.path.relpath(path, project_folder(Path.cwd()))).as_posix()
    return f"Next: set {key} = {json.dumps(named, ensure_ascii=False)} in [tool.failcond]"
