"""A whole session on images of 256 x 256 px: two classes, a direction and 8 start images each.

NVIDIA's full-size StyleGAN2 and a classifier of ResNet-50's size, both with random weights; a judge that
costs nothing, and figures of fitness. The session runs in a terminal of its own, whose progress line is read:
its estimates of time and memory are compared with what came.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks.large import CONFIG, STARTS, ResNet50
from pytest_failcond import Generator, LabeledImages
from pytest_failcond.generators.stylegan2.network import Network

_FILE = "generator.safetensors"
_OF_Z = 0.3  # share of z in w, of what it has by random weights
_PROJECT = f"""
[tool.failcond]
classifier = "benchmarks.scale:classifier"
images = "benchmarks.scale:images"
judge = "benchmarks.scale:judge"
generator = "{_FILE}"
corner_cases = {{ top = 1, samples = {STARTS} }}
fitness = {{ real = 0.0, acceptance = 0.0, distance = 1e6, coverage = 0.0 }}
"""
_ESCAPE = re.compile(r"\x1b(\[[0-9;]*[A-Za-z]|.)")
_LINE = re.compile(
    r"(?P<key>[a-z]+(?::\d+)?)  [\d,]+ (?:of [\d,]+ )?images[^\r]*?(?P<left>[\d:]+) left"
    r"(?:[^\r]*?about (?P<memory>[\d.]+) GB)?"
)
_RUNNING = re.compile(r"(?P<key>[a-z]+(?::\d+)?)  [\d,]+ (?:of [\d,]+ )?images")


def run() -> None:
    """Print the session's time and memory, and its own estimates of them."""
    if sys.platform == "win32":
        print("this benchmark needs a pseudo terminal, as Linux and macOS have")
        return
    with tempfile.TemporaryDirectory(prefix="failcond-scale-") as name:
        folder = Path(os.environ.get("FAILCOND_FOLDER", name))
        write(folder)
        _watch(folder)


def write(folder: Path) -> None:
    """Write the project, with its generator."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    network = Network(CONFIG)
    # Mostly the class decides on an image, so that its walks are long: no shift makes it the other one.
    first: Any = network.mapping.layers[0]
    first.weight.data[:, : CONFIG.z_dim] *= _OF_Z
    generator = Generator(CONFIG, network)
    generator.training |= _levels(generator)
    generator.save(folder / _FILE)
    (folder / "pyproject.toml").write_text(_PROJECT)
    (folder / "test_robustness.py").write_text("from pytest_failcond.suite import *\n")


def _levels(generator: Generator) -> dict[str, float]:
    """Return the level between the classes, and the sign of their difference, from some images."""
    shown = generator.synthesize(generator.sample([0, 1] * (2 * STARTS))).mean(dim=(1, 2, 3))
    first, second = float(shown[::2].median()), float(shown[1::2].median())
    return {"middle": (first + second) / 2, "sign": 1.0 if second >= first else -1.0}


@cache
def _kept() -> tuple[float, float]:
    """Return the level between the classes, and the sign of the second."""
    from pytest_failcond.generators.stylegan2.checkpoint import read_config

    training = read_config(Path(_FILE))[1]
    return float(training["middle"]), float(training["sign"])


def judge() -> Any:
    """Return a judge that costs nothing: it goes by the mean level of an image."""
    middle, sign = _kept()

    def answers(shown: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        off = sign * 1e4 * (shown.mean(axis=(1, 2, 3)) - middle)
        return np.stack([-off, off], axis=1)

    return answers


def images() -> LabeledImages:
    """Return 20 test images of each class, of noise."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, *CONFIG.image_size, 3), dtype=np.uint8)
    return LabeledImages(pixels, np.arange(40) % 2)


def classifier() -> nn.Module:
    """Return a network of ResNet-50's size that goes by the level too, and so agrees with the judge."""
    torch.manual_seed(1)
    return _Levels(*_kept()).eval()


class _Levels(nn.Module):
    def __init__(self, middle: float, sign: float) -> None:
        super().__init__()
        self.net, self.middle, self.sign = ResNet50(2), middle, sign

    def forward(self, shown: Tensor) -> Tensor:
        off = self.sign * 100 * (shown.mean(dim=(1, 2, 3)) - self.middle)
        logits: Tensor = 0.1 * self.net(shown) + torch.stack([-off, off], dim=1)
        return logits


@dataclass
class _Seen:
    """What the progress line said of a key: when it was first and last shown, and its first estimate."""

    first: float
    last: float
    told: float | None = None
    left: float = 0.0
    memory: float | None = None


def _watch(folder: Path) -> None:
    import fcntl
    import pty
    import struct
    import termios

    start = time.perf_counter()
    child, terminal = pty.fork()
    if not child:  # pragma: no cover - another process
        os.chdir(folder)
        os.environ |= {
            "TERM": "xterm",
            # torch takes the smaller of the first two
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        os.environ.pop("CI", None)
        words = ["-m", "pytest", "-p", "no:cacheprovider", "-k", "corner_case"]
        words += ["--failcond-json=run.json", "--failcond-no-images"]
        os.execv(sys.executable, [sys.executable, *words])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    seen, text = _read(terminal)
    _, status, used = os.wait4(child, 0)
    took = time.perf_counter() - start
    print("\n".join(text.strip().splitlines()[-3:]))
    _tell_walks(folder / "run.json")
    _tell(seen, took, used)
    if status:
        raise SystemExit(f"pytest ended with status {os.waitstatus_to_exitcode(status)}")


def _read(terminal: int) -> tuple[dict[str, _Seen], str]:
    """Read what a session shows to its end; return the estimates by key, and all of its text."""
    seen: dict[str, _Seen] = {}
    text = ""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # the end, on Linux
            part = b""
        if not part:
            return seen, text
        said = _ESCAPE.sub("", part.decode(errors="replace"))
        text += said
        now = time.perf_counter()
        for found in _RUNNING.finditer(said):
            seen.setdefault(found["key"], _Seen(now, now)).last = now
        for found in _LINE.finditer(said):
            one = seen[found["key"]]
            if one.told is None:
                one.told, one.left = now, _seconds(found["left"])
                one.memory = float(found["memory"]) if found["memory"] else None
                begun = now - one.first
                print(f"{found['key']}: after {begun:.0f} s, {one.left:.0f} s left", flush=True)


def _tell_walks(path: Path) -> None:
    for found in json.loads(path.read_text())["directions"]:
        steps, right = len(found["curve"]["shift"]), found["curve"]["right"]
        print(
            f"{found['key']}: {steps} steps, {right[0]} of {found['total']} right at first, {right[-1]} at last"
        )


def _seconds(clock: str) -> float:
    parts = [int(part) for part in clock.split(":")]
    return float(sum(part * 60**place for place, part in enumerate(reversed(parts))))


def _tell(seen: dict[str, _Seen], took: float, used: resource.struct_rusage) -> None:
    unit = 1 if sys.platform == "darwin" else 1024
    peak = used.ru_maxrss * unit / 1e9
    for key, one in seen.items():
        line = f"{key}: {one.last - one.first:.0f} s"
        if one.told is not None:
            line += f"; after {one.told - one.first:.0f} s it said {one.left:.0f} s left"
            line += f", and {one.last - one.told:.0f} s were"
        if one.memory is not None:
            line += f"; about {one.memory:.1f} GB, and the session took {peak:.1f} GB"
        print(line)
    spent = used.ru_utime + used.ru_stime
    print(f"whole session: {took:.0f} s, {spent:.0f} CPU s, peak {peak:.2f} GB", flush=True)
