"""What the plugin imports, and what that costs, where it is not used."""

from __future__ import annotations

import re
import subprocess
import sys

_PROGRAM = "import pytest, _pytest.config; {}"


def _modules(code: str) -> dict[str, int]:
    """Return what a fresh process imports: µs of its own by module."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", _PROGRAM.format(code)],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", done.stderr)
    return {name: int(microseconds) for microseconds, name in lines}


def run() -> None:
    """Print the modules that the plugin adds to pytest's own, and their time."""
    runs = []
    for _ in range(5):
        base, added = _modules(""), _modules("import pytest_failcond.plugin")
        runs.append({name: spent for name, spent in added.items() if name not in base})
    best = min(runs, key=lambda r: sum(r.values()))
    foreign = [
        name
        for name in best
        if name.split(".")[0] not in {*sys.stdlib_module_names, "pytest_failcond"}
    ]
    print(f"modules added to pytest's own: {len(best)}: {', '.join(sorted(best))}")
    print(f"third-party among them: {', '.join(foreign) or 'none'}")
    print(f"import time: {sum(best.values()) / 1000:.1f} ms")
