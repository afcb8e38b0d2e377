"""The files that a configuration reads: no output may replace them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pytest_failcond.config.settings import Settings
from pytest_failcond.storage.outputs import Place, of_run

KEEP_ELSEWHERE = (
    "write the run to another file, and make it the baseline with `failcond baseline RUN`"
)


def inputs_of(settings: Settings, config: str | None = None) -> list[Place]:
    """Return the files and folders that a configuration names, and its own file.

    Args:
        settings: the configuration.
        config: the file, if the user named it.
    """
    read = [] if config is None else [Place("the configuration", Path(config))]
    read += [
        Place("the configuration", settings.folder / name)
        for name in ("pyproject.toml", "failcond.toml")
    ]
    if settings.generator is not None:
        read.append(Place("the generator", settings.path(settings.generator)))
    judges = [name for _, name in settings.named_judges]
    for what, name in (*(("judges", name) for name in judges), ("guides", settings.guides)):
        file = None if name is None else settings.judges_file(name)
        read += [] if file is None else [Place(f"the {what}", file)]
    if (images := settings.images_place) is not None:
        # Each class is a folder in a folder; other files may lie beside these folders.
        below = sorted(images.iterdir()) if images.is_dir() else []
        read += [Place("the images", path, folder=True) for path in below if path.is_dir()]
        read += [] if images.is_dir() else [Place("the list of the images", images)]
    if settings.corpus is not None:
        read += [
            Place("the corpus", path) for path in _corpus_files(settings.path(settings.corpus))
        ]
    if settings.review is not None:
        read += of_run("the review", settings.path(settings.review))
    if settings.baseline is not None:
        read += of_run("the baseline", settings.path(settings.baseline), KEEP_ELSEWHERE)
    if settings.reference_path is not None:
        read += of_run("the reference", settings.reference_path)
    return read + [Place(f"the module of {key}", path) for key, path in _modules(settings)]


def _corpus_files(folder: Path) -> list[Path]:
    return [folder / "corpus.json", *sorted(folder.glob("*.png"))]


def _modules(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Find the files of the named modules, without importing them."""
    custom = {} if settings.corruptions is None else settings.corruptions.custom
    named = {key: getattr(settings, key) for key in ("classifier", "images", "guides")}
    for key, reference in [*named.items(), *settings.named_judges, *custom.items()]:
        if isinstance(reference, str) and ":" in reference:
            path = _source(reference.partition(":")[0], settings.folder)
            if path is not None:
                yield key, path


def _source(module: str, folder: Path) -> Path | None:
    for start in (folder, Path.cwd(), *map(Path, sys.path)):
        inside = start.joinpath(*module.split("."))
        for path in (inside.with_name(f"{inside.name}.py"), inside / "__init__.py"):
            if path.is_file():
                return path
    return None
