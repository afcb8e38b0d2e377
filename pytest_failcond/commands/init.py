"""Write the [tool.failcond] tables and tests/test_robustness.py of a new project.

Without options, the tables name a module ``my_model`` for you to edit. The command overwrites
nothing: if the tables or the test module exist, it reports that and stops.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path

from pytest_failcond.config.configuration import Finder
from pytest_failcond.errors import FailcondError
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.words.printing import say

_TEST = '''"""Robustness checks, generated from [tool.failcond].

`pytest --help` lists the options under "robustness of image classifiers (pytest-failcond)".
"""

from pytest_failcond.suite import *  # noqa: F403
'''


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond init``."""
    parser.add_argument(
        "--classifier",
        default="my_model:load_classifier",
        metavar="MODULE:CALLABLE",
        help="returns the model under test: a torch.nn.Module or a callable on NumPy arrays",
    )
    parser.add_argument(
        "--images",
        default="my_model:load_test_images",
        metavar="MODULE:CALLABLE",
        help="returns LabeledImages(images uint8 [N, H, W, C], labels int [N]); or a folder with one "
        "folder of image files per class, or a CSV file of paths and labels",
    )
    parser.add_argument("--generator", metavar="FILE", help="a file from `failcond train`")
    parser.add_argument(
        "--judge",
        metavar="MODULE:CALLABLE",
        help="returns the judge, or a list of several; or a file from `failcond judge`",
    )
    parser.add_argument(
        "--folder", type=Path, default=Path(), metavar="DIR", help="the project (default: here)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the tables and the test module; print the files and the next steps."""
    from pytest_failcond.subjects.references import parts_of

    folder: Path = options.folder
    if not folder.is_dir():
        raise FailcondError(f"--folder: there is no folder {folder}")
    for name in ("classifier", "images", "judge"):
        given = getattr(options, name)
        is_file = name == "judge" and str(given).endswith(".safetensors")
        if given is not None and not is_file and not (name == "images" and ":" not in given):
            parts_of(given, f"--{name}")
    config, test = folder / "pyproject.toml", folder / "tests" / "test_robustness.py"
    before = _read(config)
    _refuse_existing(folder, config, before)
    if test.exists():
        raise FailcondError(
            f"{test} exists; move it away first: `failcond init` overwrites nothing"
        )
    tables = _tables(options)
    write_atomically(config, f"{before.rstrip()}\n\n{tables}" if before.strip() else tables)
    write_atomically(test, _TEST)
    say(f"wrote [tool.failcond] to {config}")
    say(f"wrote {test}")
    if above := Finder().nearest(folder.absolute().parent):
        say(
            f"{above.path} configures the folders around {folder}; in {folder}, the new tables win."
        )
    say()
    loaded = [name for name in (options.classifier, options.images) if ":" in name]
    say(f"Next: make {' and '.join(map(repr, loaded))} importable from {folder.resolve()},")
    say("set the thresholds under [[tool.failcond.gates]], and run `pytest`.")
    if not options.generator:
        say("For corner cases, train a generator: `failcond train --help`.")
    say(_COMMIT)
    say(_IGNORE)
    return 0


def _read(config: Path) -> str:
    try:
        return config.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise FailcondError(f"{config}: cannot be read ({error})") from error


def _refuse_existing(folder: Path, config: Path, text: str) -> None:
    if (folder / "failcond.toml").exists():
        raise FailcondError(
            f"{folder / 'failcond.toml'} exists and configures this project; nothing was changed"
        )
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FailcondError(f"{config}: is not valid TOML ({error}); mend it first") from error
    if "failcond" in table.get("tool", {}):
        raise FailcondError(f"{config} has a [tool.failcond] already; nothing was changed")


def _tables(options: argparse.Namespace) -> str:
    quote = json.dumps  # a JSON string is a TOML basic string
    images = "a folder with one folder of image files per class"
    if options.images.lower().endswith(".csv"):
        images = "a CSV file with the columns path and label"
    elif ":" in options.images:
        images = "→ LabeledImages(images uint8 [N,H,W,C], labels)"
    subjects = [
        f"classifier = {quote(options.classifier)}  # → torch.nn.Module, or callable NumPy → NumPy",
        f"images = {quote(options.images)}  # {images}",
    ]
    for name, value, example, note in (
        ("generator", options.generator, "models/generator.safetensors", "from `failcond train`"),
        ("judge", options.judge, "models/judge.safetensors", _JUDGE),
    ):
        subjects.append(f"{'' if value else '# '}{name} = {quote(value or example)}  # {note}")
    return "\n".join(["[tool.failcond]", *subjects, "seed = 0", "", _REST])


_COMMIT = (
    "Commit: failcond-baseline.json, failcond-review.json and its .files folder, corpus/, models."
)
_IGNORE = (
    "Ignore (.gitignore): run.json, run.json.files/, *.html, failcond-part-*.json, *.training/"
)
_JUDGE = 'from `failcond judge`, or "module:callable"; judges = [...] names several'
_REST = """[tool.failcond.corruptions]
names = [
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "speckle_noise",
    "gaussian_blur",
    "contrast",
    "jpeg_compression",
]
severities = [1, 2, 3, 4, 5]
# constants = "cifar-c" # milder, for images under 64 px; else "imagenet-c", meant for 224 px

[tool.failcond.corner_cases] # used once a generator is named
top = 3         # directions per class
samples = 128   # start images per class
max_shift = 8.0 # in standard deviations of a dimension
truncation = 1.0 # less: start images nearer to the mean of their class

[tool.failcond.acceptance] # used once a judge is named
least_p = 0.8   # probability that every judge must give an image's class

[tool.failcond.fitness] # used once a judge is named: classes that the generator shows worse are not judged
acceptance = 0.5 # least share of generated images accepted, of that of real images
distance = 1.0   # largest Fréchet distance beyond that of real images, in their spread
coverage = 0.2   # least share of real images with a generated one near, of that of real images

# Thresholds. Set them to the losses that your use can bear; all else is measured and shown.
[[tool.failcond.gates]]
metric = "clean_accuracy"
min = 0.90

[[tool.failcond.gates]]
metric = "accuracy_drop" # clean minus corrupted accuracy, on the same images
severities = [1, 2]
max = 0.10
"""
