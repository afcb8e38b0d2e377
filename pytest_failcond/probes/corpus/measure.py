"""The corpus, classified."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.base import Bench, Record
from pytest_failcond.probes.corpus.folder import Corpus
from pytest_failcond.probes.corpus.record import Replay, Replayed
from pytest_failcond.probes.keys import CorpusKey, EntryKey, Key
from pytest_failcond.records.examples import SavePicture
from pytest_failcond.subjects.images import to_float


def measure(key: CorpusKey, bench: Bench) -> Iterator[tuple[Key, Record]]:
    """Replay the configured corpus."""
    settings = bench.settings
    if settings.corpus is None:
        raise FailcondError(
            f'corpus: none is configured; set corpus = "folder" in {settings.table()}'
        )
    corpus = Corpus.read(settings.path(settings.corpus))
    yield key, replay(bench.laboratory, corpus, bench.save_example)


def replay(laboratory: Laboratory, corpus: Corpus, save: SavePicture | None) -> Replay:
    """Classify the images of a corpus; picture those that must be right and are wrong.

    Raises:
        FailcondError: an image or a class is not as in the manifest.
    """
    pixels = corpus.images()
    p = laboratory.classifier.probabilities(to_float(pixels), owned=True)
    names = laboratory.class_names or tuple(map(str, range(p.shape[1])))
    labels = corpus.labels(names)
    entries = []
    for row, (entry, label) in enumerate(zip(corpus.entries, labels, strict=True)):
        found = Replayed(
            id=entry.id,
            status=entry.status,
            label=label,
            predicted=int(p[row].argmax()),
            p=round(float(p[row, label]), 4),
            png=entry.png,
            origin=entry.origin,
        )
        if found.lost and save is not None:
            found = replace(found, picture=save(EntryKey(entry.id), pixels[row]))
        entries.append(found)
    digest = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
    return Replay(tuple(entries), f"sha256:{digest[:32]}")
