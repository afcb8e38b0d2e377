"""Command-line options → the session's `State`. Imports only the standard library and pytest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_failcond.config.configuration import absence
from pytest_failcond.config.own_probes import add_configured
from pytest_failcond.errors import FailcondError
from pytest_failcond.plugin.option_table import OPTIONS, WRITTEN, read_part
from pytest_failcond.plugin.scope import Scope
from pytest_failcond.plugin.state import State
from pytest_failcond.plugin.unfound import check_judged, check_named

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.runs.run import Run


def _given(config: pytest.Config) -> list[str]:
    """Return the given options, from the command line or ``addopts``.

    Raises:
        FailcondError: one was given without a value, or has no effect beside another.
    """
    values = {name: config.getoption(f"--failcond-{name}") for name in OPTIONS}
    given = {k: value for k, value in values.items() if value is not None and value is not False}
    for name, value in given.items():
        if value == "":
            raise FailcondError(
                f"--failcond-{name}: its value is empty; give {OPTIONS[name]['metavar']}, or leave it out"
            )
        if name in ("classifier", "device") and "from" in given:
            raise FailcondError(
                f"--failcond-{name} would have no effect: --failcond-from measures nothing; leave "
                f"out one of them"
            )
    return [f"--failcond-{name}" for name in given]


def make_state(config: pytest.Config, scope: Scope) -> State | None:
    """Return the session's state, or None in a project that does not configure failcond.

    Raises:
        FailcondError: an option or the configuration is wrong.
    """
    if scope.off:
        return None
    options = _given(config)
    if scope.found is None:
        if options:
            raise FailcondError(
                f"{', '.join(options)}: {absence(scope.places, scope.root)}, --failcond-config=FILE "
                "names a file"
            )
        return None
    given = {
        name: config.getoption(f"failcond_{name}")
        for name in ("classifier", "generator", "images", "device", "seed", "seeds")
    }
    from pytest_failcond.config.settings import load_settings
    from pytest_failcond.words.commands import given_in

    words = given_in(given | {"config": config.getoption("failcond_config")})
    if given["generator"] is not None:  # relative to pytest's working directory, unlike the file's
        given["generator"] = str(config.invocation_params.dir / given["generator"])
    if given["images"] is not None:
        from pytest_failcond.subjects.files import files_of

        place = files_of(given["images"], config.invocation_params.dir)
        given["images"] = given["images"] if place is None else str(place)
    add_configured(scope.found.path, scope.found.table)
    settings = load_settings(
        scope.found.path, scope.found.table, words, prefixed=scope.found.prefixed, **given
    )
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    part, measured = read_part(config.getoption("failcond_shard")), _measured(config, settings)
    if part is not None and measured is not None:
        raise FailcondError(
            "--failcond-shard measures and --failcond-from does not; give one of them"
        )
    if part is not None and config.getoption("failcond_json") is None:
        config.option.failcond_json = f"failcond-part-{part[0]}-of-{part[1]}.json"
    about = partial(_about, scope.found.path, given)
    with about("generator", "images"):
        own = _generator_classes(settings) if measured is None else None
        classes = (
            _class_names(settings, own) if measured is None else _classes_of(measured[1], settings)
        )
    baseline = config.getoption("failcond_compare") or settings.baseline
    if worker is None:
        _check_outputs(config, settings)
        if settings.reference_path is not None:
            from pytest_failcond.runs.reference import check_reference

            check_reference(settings)
        if measured is None:
            check_named(config, scope.places, settings)
            if own == ():
                check_judged(config, scope.places, settings)
    if settings.device != "cpu":
        from pytest_failcond.subjects.modules import check_device

        with about("device"):
            check_device(settings.device)
    state = State(
        settings=settings,
        classes=classes,
        store=Path(worker["failcond_store"] if worker else ""),
        owns_store=worker is None,
        strict=config.getoption("failcond_strict"),
        baseline=_baseline(config, settings, baseline),
        corpus=_corpus_ids(settings, None if measured is None else measured[1]),
        pictures=not config.getoption("failcond_no_images"),
        part=part,
        measured=None if measured is None else measured[0],
        given={
            f"failcond_{name}": f"--failcond-{name}"
            for name in ("classifier", "generator", "images")
            if given[name] is not None
        },
    )
    if worker is None:  # last: the process that makes a folder removes it
        _open_store(state, None if measured is None else measured[1])
    return state


@contextmanager
def _about(path: Path, given: Mapping[str, Any], *options: str) -> Iterator[None]:
    """Name the configuration's file in an error, unless one of these options is given: it may be at fault."""
    try:
        yield
    except FailcondError as error:
        if any(given[name] is not None for name in options):
            raise
        raise FailcondError(f"{path}: {error}") from error


def _open_store(state: State, measured: Run | None) -> None:
    """Make the session's folder, and put the run to judge into its store."""
    from pytest_failcond.storage.files import write_atomically
    from pytest_failcond.storage.folders import OwnFolder

    state.folder = OwnFolder()
    state.store = state.folder.path / "store"
    try:
        write_atomically(
            state.store / "probe", b""
        )  # a full disk should show now, not at each test
        if measured is not None:
            from pytest_failcond.runs.disassemble import disassemble

            disassemble(measured, state.store, state.baseline)
    except BaseException:
        state.folder.close()
        raise


def _classes_of(run: Run, settings: Settings) -> tuple[str, ...]:
    """Return the class names of the run to judge; the gates' classes must be among them."""
    from pytest_failcond.config.gate_rules import check_gate_classes

    check_gate_classes(settings, run.classes)
    return run.classes


def _generator_classes(settings: Settings) -> tuple[str, ...] | None:
    """Return the class names in the generator's header; none if it has no classes; None: no generator."""
    if settings.generator is None:
        return None
    from pytest_failcond.generators.stylegan2.checkpoint import read_config

    path = settings.path(settings.generator)
    if not path.exists():
        raise FailcondError(
            f"generator: there is no file {path}; `failcond train` makes one, "
            "`failcond convert` makes one of another program's checkpoint, or correct the path"
        )
    made, search = read_config(path)[0], settings.combinations
    if search is not None and (why := search.too_many(sum(n for _, n in made.style_layers))):
        raise FailcondError(why)  # before the tests, each of which would fail by it
    return made.classes


def _class_names(settings: Settings, generator: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the class names of the configuration, the generator's header or the images' files."""
    from pytest_failcond.config.class_names import class_names
    from pytest_failcond.config.gate_rules import check_gate_classes

    names = class_names(settings, generator)
    if generator == () and names is None:
        judge = (
            "" if settings.named_judges else ', and give judge = "…", which sees them in its images'
        )
        raise FailcondError(
            f"generator: {settings.generator} has no classes; name them in the order of the judges' "
            f"outputs, classes = [...] in {settings.table()}{judge}"
        )
    if names is not None:
        check_gate_classes(settings, names)
    return names


def _corpus_ids(settings: Settings, measured: Run | None) -> tuple[str, ...]:
    """Return the ids of the corpus's entries: those of the manifest, or of the run to judge."""
    if measured is not None:
        replay = measured.corpus
        return () if replay is None else tuple(entry.id for entry in replay.entries)
    if settings.corpus is None:
        return ()
    from pytest_failcond.probes.corpus.folder import Corpus

    return Corpus.read(settings.path(settings.corpus)).ids


def _baseline(config: pytest.Config, settings: Settings, baseline: str | None) -> Path | None:
    if baseline is None:
        return None
    given = config.getoption("failcond_compare")
    path = config.invocation_params.dir / given if given else settings.path(baseline)
    if not path.is_file():
        if given:
            raise FailcondError(f"--failcond-compare: there is no file {path}")
        return None
    return path


def _check_outputs(config: pytest.Config, settings: Settings) -> None:
    """Check now, before minutes of measuring, that all outputs can be written and none is an
    input.
    """
    from pytest_failcond.config.inputs import KEEP_ELSEWHERE, inputs_of
    from pytest_failcond.storage.outputs import Place, check_outputs, of_run

    def given(option: str) -> Path | None:
        value = config.getoption(option, None)
        return config.invocation_params.dir / value if value else None

    outputs, inputs = [], inputs_of(settings)
    if config.inipath is not None:
        inputs.append(Place("pytest's configuration", config.inipath))
    if path := given("failcond_json"):
        outputs += of_run("--failcond-json", path)
    for option, name in WRITTEN.items():
        if path := given(option):
            outputs.append(Place(name, path))
    if path := given("failcond_from"):
        inputs += of_run("--failcond-from", path)
    if path := given("failcond_compare"):
        inputs += of_run("--failcond-compare", path, KEEP_ELSEWHERE)
    if path := given("failcond_config"):
        inputs.append(Place("--failcond-config", path))
    check_outputs(outputs, inputs)


def _measured(config: pytest.Config, settings: Settings) -> tuple[Path, Run] | None:
    """Read the run to judge."""
    given = config.getoption("failcond_from")
    if given is None:
        return None
    from pytest_failcond.runs.run import Run

    path = config.invocation_params.dir / given
    run = Run.load_whole(path)
    then, now = run.configuration, settings
    for what in (
        "seed", "seeds", "max_images", "acceptance", "corner_cases", "combinations", "fitness"
    ):  # fmt: skip
        if getattr(then, what) != getattr(now, what):
            other = "other" if what.endswith("s") else "another"
            raise FailcondError(f"{path}: was measured with {other} {what}; measure it again")
    grids = [(g.constants, g.backend, g.custom) for g in (then.corruptions, now.corruptions) if g]
    if len(set(map(repr, grids))) > 1:
        raise FailcondError(f"{path}: was measured with other corruptions; measure it again")
    return path, run
