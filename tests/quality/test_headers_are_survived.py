"""No generator file and no manifest, whatever is wrong with it, ends in a traceback or in much memory.

``FAILCOND_FUZZ=20000`` tries as many changes; see the figures it prints.
"""

from __future__ import annotations

import json
import os
import random
import resource
import struct
from collections import Counter

import pytest

from pytest_failcond.generators.stylegan2.checkpoint import read_config
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.probes.corpus.manifest import read_manifest
from tests.mutations import mutate, outcome, scramble
from tests.unit.tiny import tiny_generator

COUNT = int(os.environ.get("FAILCOND_FUZZ", "0")) or 400
ENTRY = {
    "id": "star-7-up-4", "status": "open", "class": "star", "direction": "direction:2:7:+",
    "dimension": "b8.conv0[1]", "sample": 4, "broke_at": 1.25, "shift": 1.75, "predicted": "circle",
    "p": 0.125, "judged": None, "seed": 0, "generator": "sha256:1", "classifier": "weights:2",
    "judge": None, "png": "sha256:3",
}  # fmt: skip


@pytest.fixture
def most_memory():
    """See that the peak has not grown by much."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{grown / 1024:.0f} MiB more at most")
    assert grown < 500 * 1024


@pytest.mark.usefixtures("most_memory")
def test_generator_files(tmp_path):
    draw, counts, path = random.Random(22), Counter[str](), tmp_path / "g.safetensors"
    tiny_generator().save(path)
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    header, rest = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    texts = {name: json.loads(header["__metadata__"][name]) for name in ("config", "training")}
    for number in range(COUNT):
        kind = draw.choice(["header", "config", "config", "training", "bytes"])
        changed: object = header
        if kind == "bytes":
            what, content = scramble(whole, draw)
        else:
            if kind == "header":
                what, changed = mutate(header, draw)
            else:
                text = texts[kind] or {"images": 3, "mix": {"probability": 0.5}}
                what, value = mutate(text, draw)
                changed = header | {
                    "__metadata__": header["__metadata__"] | {kind: json.dumps(value)}
                }
            text = json.dumps(changed).encode()
            content = struct.pack("<Q", len(text)) + text + rest
        path.write_bytes(content)
        what = f"{number}, {kind}: {what}"
        found = outcome(read_config, path, what)
        counts[f"{kind}: {found}"] += 1
        if found == "read" or not number % 10:
            counts[f"loaded, {kind}: {outcome(Generator.load, path, what)}"] += 1
    print(f"\n{COUNT} changes: {dict(sorted(counts.items()))}")
    for kind in ("header", "config", "bytes"):
        assert counts[f"{kind}: a sentence"] > COUNT / 20


@pytest.mark.usefixtures("most_memory")
def test_manifests(tmp_path):
    draw, counts, path = random.Random(23), Counter[str](), tmp_path / "corpus.json"
    other = {**ENTRY, "id": "star-9-up-4", "status": "fixed"}
    manifest = {"schema": 1, "entries": [ENTRY, other], "removed": ["direction:1:2:+ sample 3"]}
    for number in range(COUNT):
        if number % 4:
            what, changed = mutate(manifest, draw)
            path.write_text(json.dumps(changed))
        else:
            what, content = scramble(json.dumps(manifest).encode(), draw)
            path.write_bytes(content)
        counts[outcome(read_manifest, path, f"{number}: {what}")] += 1
    print(f"\n{COUNT} changes: {dict(counts)}")
    assert counts["a sentence"] > counts["read"]
