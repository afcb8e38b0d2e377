"""Files of judges that are small enough to test with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pytest_failcond.judges.config import JudgeConfig, PackConfig
from pytest_failcond.judges.file import save_judges
from pytest_failcond.judges.networks import Judge


def tiny_pack(**changes: Any) -> PackConfig:
    """Two acceptors and a guide for three classes of 8 px, gray."""
    shape: dict[str, Any] = {
        "classes": 3,
        "image": [8, 8, 1],
        "floor": 0.05,
        "judges": [
            JudgeConfig(
                name="acceptor-1", kind="acceptor", strides=[1, 2], widths=[4, 5], hidden=6
            ),
            JudgeConfig(name="acceptor-2", kind="acceptor", kernel=5, strides=[2], widths=[4]),
            JudgeConfig(name="guide-1", kind="guide", strides=[2, 2], widths=[3, 7], hidden=5),
        ],
    }
    return PackConfig(**(shape | changes))


def tiny_judges(pack: PackConfig) -> dict[str, Judge]:
    """Random weights, by name."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {judge.name: Judge(pack, judge).eval() for judge in pack.judges}


def write_pack(path: Path, pack: PackConfig | None = None, **training: Any) -> Path:
    """Write a file of judges with random weights."""
    pack = pack or tiny_pack()
    states = {name: judge.state_dict() for name, judge in tiny_judges(pack).items()}
    save_judges(path, pack, states, training)
    return path
