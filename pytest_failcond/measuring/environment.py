"""The environment of a run: versions, device, the state of the repository."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from pytest_failcond.config.settings import Settings
from pytest_failcond.process.threads import WAITING

_PACKAGES = ("pytest-failcond", "torch", "numpy", "scipy", "pillow")
_PATIENCE = 10.0  # seconds that git may take


def describe_environment(settings: Settings, *, with_torch: bool) -> dict[str, Any]:
    """Return the entry of the run file.

    Args:
        settings: of the session.
        with_torch: whether torch computes anything; if not, its threads do not count.
    """
    threads = 0
    if with_torch:
        import torch

        threads = torch.get_num_threads()
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "device": settings.device,
        "threads": threads,
        "waiting": os.environ.get(WAITING),
        "cores": os.cpu_count(),
        "packages": {name: _version(name) for name in _PACKAGES},
        **describe_commit(settings.folder),
        **({"options": settings.given} if settings.given else {}),
    }


def describe_commit(folder: Path) -> dict[str, Any]:
    """Return the git commit that a folder is at, its date, and whether files differ from it.

    All None without a repository, or without git.
    """
    commit = _git(folder, "log", "-1", "--format=%H %cI")
    if not commit:
        return {"commit": None, "commit_date": None, "dirty": None}
    name, _, date = commit.partition(" ")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {
        "commit": name,
        "commit_date": date,
        "dirty": None if changed is None else bool(changed),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder.absolute()), *arguments],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
