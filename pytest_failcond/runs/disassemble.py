"""Run → store: a kept run, for a session that judges it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_failcond.runs.beside import joined
from pytest_failcond.runs.run import Run
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.storage.packing import pack
from pytest_failcond.storage.store import COMPARED, Store, error_record

_NAMES = {
    ("classifier",): ("head", "outputs"),
    ("images",): (),
    ("generator",): ("generator_images",),
    ("judge", "judges"): ("guides",),
}
"""Settings that name a subject → those that say how it is taken."""


def disassemble(run: Run, store_folder: Path, baseline: Path | None = None) -> None:
    """Put the records of a run into a store, for a session that judges it, perhaps against a baseline."""
    store = Store(store_folder)
    kept = None if run.kept is None else pack(run.kept, "<u4")
    session = {"subjects": run.subjects, "environment": run.environment, "kept": kept}
    store.put("session", session | {"labels": pack(run.labels), "names": _names(run.settings)})
    for key, record in run.records.items():
        store.put(key, record.to_json())
    for name, sentence in run.errors.items():
        store.put(name, error_record(sentence))
    for name, sentence in run.withheld.items():
        store.put(name, error_record(sentence, withheld=True))
    for name, found in joined([run.beside], baseline).items():
        store.put(f"{COMPARED}{name}", found)
    for file in run.picture_files:
        if (content := run.picture(file)) is not None:
            write_atomically(store.pictures / file, content)


def _names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that name the subjects of a kept run: the session that judges it may name others."""
    named = [(*names, *more) for names, more in _NAMES.items() if any(map(settings.get, names))]
    return {name: settings.get(name) for group in named for name in group}
