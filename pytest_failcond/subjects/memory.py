"""The available memory, so that too large data are refused before they are allocated."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def available_memory() -> int | None:
    """Return the bytes that may still be allocated here; None if they are not known."""
    known = [found for found in (_free(), *map(_limit, _LIMITS)) if found is not None]
    return min(known, default=None)


def used_memory() -> int | None:
    """Return the most bytes that this process has had; None if they are not known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _free() -> int | None:
    if _MEMINFO.is_file():
        found = re.search(r"^MemAvailable:\s*(\d+) kB", _MEMINFO.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    names = ("SC_PHYS_PAGES", "SC_PAGE_SIZE")
    if all(name in getattr(os, "sysconf_names", {}) for name in names):
        pages, size = (os.sysconf(name) for name in names)
        return pages * size if pages > 0 and size > 0 else None
    return None


def _limit(file: Path) -> int | None:
    """Return the limit of a container, if it has one."""
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
