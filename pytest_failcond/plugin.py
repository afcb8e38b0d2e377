"""The pytest hooks. Imports only the standard library and pytest: it loads in every project."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.fixtures import (  # noqa: F401 - pytest finds fixtures by name
    CornerCase,
    CorruptionCell,
    failcond,
    failcond_classifier,
    failcond_corner_case,
    failcond_corruption,
    failcond_gate,
    failcond_generator,
    failcond_images,
    failcond_judge,
    failcond_regression,
)
from pytest_failcond.state import STATE, State

if TYPE_CHECKING:
    from pytest_failcond.settings import Settings

SUITE = "pytest_failcond.suite"
_GENERATED = (
    "failcond_corruption",
    "failcond_corner_case",
    "failcond_gate",
    "failcond_regression",
)
_NOTHING = "failcond_nothing"
_VERDICT = "failcond_verdict"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line options."""
    group = parser.getgroup("failcond", "robustness of image classifiers (pytest-failcond)")
    add = group.addoption
    add(
        "--failcond-config",
        metavar="FILE",
        help="configuration file; default failcond.toml, else pyproject.toml; 'none' switches off",
    )
    add("--failcond-classifier", metavar="MODULE:CALLABLE", help="loads the model under test")
    add("--failcond-generator", metavar="FILE", help="generator file (safetensors)")
    add("--failcond-images", metavar="MODULE:CALLABLE", help="loads the labelled test images")
    add("--failcond-device", metavar="DEVICE", help="where models compute, such as cpu or cuda")
    add("--failcond-seed", metavar="N", type=int, help="keys all randomness")
    add("--failcond-strict", action="store_true", help="marginal and not-evaluated checks fail")
    add("--failcond-json", metavar="PATH", help="keep the run: PATH, and pictures in PATH.files/")
    add("--failcond-compare", metavar="PATH", help="run file of a baseline to compare with")
    add("--failcond-markdown", metavar="PATH", help="write a summary for pull requests")
    add("--failcond-no-images", action="store_true", help="leave pictures out of all reports")


def pytest_configure(config: pytest.Config) -> None:
    """Read and validate the configuration; say what is wrong before anything runs."""
    markers = {
        "failcond_corruptions(names=None, severities=None)": "select cells of the grid",
        "failcond_corner_cases(classes=None, top=None)": "select classes and ranks",
    }
    for marker, text in markers.items():
        config.addinivalue_line("markers", f"{marker}: {text} for the generated tests")
    try:
        state = _make_state(config)
    except FailcondError as error:
        raise pytest.UsageError(str(error)) from error
    if state is not None:
        config.stash[STATE] = state


def _make_state(config: pytest.Config) -> State | None:
    """Return the session's state, or None in a project that does not configure failcond."""
    given = {
        name: config.getoption(f"failcond_{name}")
        for name in ("classifier", "generator", "images", "device", "seed")
    }
    explicit = config.getoption("failcond_config")
    if explicit is None and not _mentions_failcond(config.rootpath):
        options = [f"--failcond-{name}" for name, value in given.items() if value is not None]
        if options:
            raise FailcondError(
                f"{options[0]}: there is no [tool.failcond] in {config.rootpath}; "
                "`failcond init` writes it"
            )
        return None
    from pytest_failcond.settings import find_table, load_settings

    found = find_table(config.rootpath, explicit)
    if found is None:
        return None
    if given["generator"] is not None:  # unlike the file's, relative to where pytest was called
        given["generator"] = str(config.invocation_params.dir / given["generator"])
    settings = load_settings(*found, **given)
    classes = _class_names(settings)
    baseline = config.getoption("failcond_compare") or settings.baseline
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    for option in ("failcond_json", "failcond_markdown"):
        if config.getoption(option) and worker is None:
            _try_writing(config, option)
    if settings.device != "cpu":
        from pytest_failcond.subjects.classifier import check_device

        check_device(settings.device)
    folder = worker["failcond_store"] if worker else tempfile.mkdtemp(prefix="failcond-")
    return State(
        settings=settings,
        classes=classes,
        store=Path(folder),
        owns_store=worker is None,
        strict=config.getoption("failcond_strict"),
        baseline=_baseline(config, settings, baseline),
        given={
            f"failcond_{name}": f"--failcond-{name}"
            for name in ("classifier", "generator", "images")
            if given[name] is not None
        },
    )


def _mentions_failcond(root: Path) -> bool:
    """Tell quickly whether a project may be configured, before TOML is parsed or pydantic loads."""
    if (root / "failcond.toml").is_file():
        return True
    try:
        return "failcond" in (root / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False


def _class_names(settings: Settings) -> tuple[str, ...] | None:
    """Return the class names of the configuration, the generator's header or the images' folder."""
    from pytest_failcond.settings import check_gate_classes

    if settings.generator is not None:
        from pytest_failcond.stylegan2.checkpoint import read_config

        what = f"the generator {settings.generator}"
        names = read_config(settings.path(settings.generator))[0].classes
    elif settings.images_folder is not None:
        from pytest_failcond.subjects.sources import classes_of

        what, names = f"the folder {settings.images}", classes_of(settings.images_folder)
    else:
        return settings.classes
    if settings.classes is not None and len(settings.classes) != len(names):
        raise FailcondError(
            f"classes: names {len(settings.classes)} classes, but {what} has {len(names)}: "
            f"{', '.join(names)}"
        )
    check_gate_classes(settings, settings.classes or names)
    return settings.classes or names


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


def _try_writing(config: pytest.Config, option: str) -> None:
    """See now whether the place can be written, not after minutes of measuring."""
    path = config.invocation_params.dir / config.getoption(option)
    name = f"--{option.replace('_', '-')}"
    try:
        if path.is_dir():
            raise FailcondError(f"{name}: {path} is a folder; name a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise FailcondError(
            f"{name}: {path.parent} cannot be written ({error.strerror}); choose another place"
        ) from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the store lies."""
    state = node.config.stash.get(STATE, None)
    if state is not None:
        node.workerinput["failcond_store"] = str(state.store)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate a test per cell, direction, gate and compared key."""
    for name in _GENERATED:
        if name in metafunc.fixturenames:
            state = metafunc.config.stash.get(STATE, None)
            if state is None:
                values: list[Any] = []
                ids: list[str] = []
            else:
                from pytest_failcond.generation import values_of

                try:
                    values, ids = values_of(name, state, metafunc.definition)
                except FailcondError as error:
                    pytest.fail(f"{metafunc.definition.nodeid}: {error}", pytrace=False)
            if (
                not values
                and metafunc.module.__name__ != SUITE
                and not _from_suite(metafunc.function)
            ):
                metafunc.parametrize(name, [], indirect=True)
            elif not values:
                metafunc.parametrize(name, [None], ids=[_NOTHING], indirect=True)
            else:
                metafunc.parametrize(name, values, ids=ids, indirect=True)


def _from_suite(function: Any) -> bool:
    return getattr(function, "__module__", None) == SUITE


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Iterator[None]:
    """Leave out the suite's tests of what is not configured: they would say nothing."""
    made: Any = yield
    if isinstance(made, list):
        state = collector.config.stash.get(STATE, None)
        made = [item for item in made if not _says_nothing(item, state)]
    return made  # type: ignore[no-any-return]


def _says_nothing(item: pytest.Item, state: State | None) -> bool:
    if not _from_suite(getattr(item, "function", None)):
        return False
    if item.name.endswith(f"[{_NOTHING}]"):
        return True
    if item.name != "test_clean":
        return False
    if state is None:
        return True
    definitions = item._fixtureinfo.name2fixturedefs["failcond_images"]  # type: ignore[attr-defined]
    overridden = definitions[-1].func.__module__ != failcond_images.__module__
    return state.settings.images is None and not overridden


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write down what is planned, so that what goes missing is seen."""
    state = session.config.stash.get(STATE, None)
    planned = [
        _planned(item) for item in session.items if _from_suite(getattr(item, "function", 0))
    ]
    if state is not None and planned:
        from pytest_failcond.assemble import PLAN
        from pytest_failcond.store import Store

        Store(state.store).put(PLAN, {"plan": planned})


def _planned(item: pytest.Item) -> str:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    for value in params.values():
        if isinstance(value, CorruptionCell):
            return value.key
        if isinstance(value, CornerCase):
            return f"corner_case:{value.class_index}:{value.rank}"
    if "failcond_gate" in params:
        return f"gate:{params['failcond_gate']}"
    if "failcond_regression" in params:
        return f"regression:{params['failcond_regression']}"
    return "clean"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Know which test is running, so that its verdict can be noted on it."""
    state = item.config.stash.get(STATE, None)
    if state is not None:
        state.item = item
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Attach pictures to a failed test in pytest-html, in whatever process it ran."""
    report: Any = yield
    state = item.config.stash.get(STATE, None)
    html = item.config.pluginmanager.hasplugin("html")
    if state is not None and html and report.when == "call" and report.failed:
        keys = [str(value) for name, value in item.user_properties if name == "failcond_key"]
        if keys:
            from pytest_failcond.generation import html_extras

            pictures = not item.config.getoption("failcond_no_images")
            report.extras = [*getattr(report, "extras", []), *html_extras(state, keys, pictures)]
    return report  # type: ignore[no-any-return]


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Show a check that holds, though not beyond sampling noise, as MARGINAL."""
    noted = [list(entry) for entry in getattr(report, "user_properties", [])]  # collection has none
    if report.when == "call" and report.passed and [_VERDICT, "marginal"] in noted:
        return "marginal", "m", "MARGINAL"
    return None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is under test, and what is planned."""
    state = config.stash.get(STATE, None)
    if state is None:
        return None
    settings = state.settings
    grid = settings.corruptions
    parts = [f"classifier {settings.classifier or 'from conftest.py'}"]
    if grid is not None:
        parts.append(f"{len(grid.names) * len(grid.severities)} corruption cells")
    if state.classes is not None and settings.generator is not None:
        parts.append(f"{len(state.classes)} classes x {settings.corner_cases.top} directions")
    parts.append(f"{len(settings.gates)} gates")
    return "failcond: " + ", ".join(parts)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Make the run from the store and keep it; what was planned and is missing turns it red."""
    state = session.config.stash.get(STATE, None)
    if state is None or not state.owns_store or session.config.option.collectonly:
        return
    from pytest_failcond.assemble import assemble

    state.run = assemble(state.store, state.settings, state.classes)
    if state.run is None:
        return
    config = session.config
    base = config.invocation_params.dir
    try:
        if path := config.getoption("failcond_json"):
            state.run.save(base / path, pictures=not config.getoption("failcond_no_images"))
        if path := config.getoption("failcond_markdown"):
            from pytest_failcond.files import write_atomically
            from pytest_failcond.report import markdown

            write_atomically(base / path, markdown.render(state.run))
    except FailcondError as error:
        state.problem = str(error)
    unmeasured = any(check.verdict == "error" for check in state.run.checks) or state.run.errors
    if session.exitstatus == pytest.ExitCode.OK and (state.problem or unmeasured):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the tables: accuracy by corruption and severity, directions, gates."""
    state = config.stash.get(STATE, None)
    if state is None or state.run is None:
        return
    from pytest_failcond.report import terminal

    writer = terminalreporter._tw
    encoding = getattr(writer._file, "encoding", None) or "ascii"
    text = terminal.render(
        state.run,
        width=writer.fullwidth,
        color=writer.hasmarkup,
        unicode=encoding.lower().startswith("utf"),
        verbose=config.get_verbosity(),
    )
    if config.get_verbosity() > -2:  # -q shortens pytest's own lines; -qq is for silence
        terminalreporter.section("failcond", cyan=True)
        terminalreporter.write(text)
    if state.problem:
        terminalreporter.write_line(f"the run was not kept: {state.problem}", red=True)
    elif path := config.getoption("failcond_json"):
        terminalreporter.write_line(f"run kept: {path}")


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_summary(prefix: list[str], session: pytest.Session) -> None:
    """Put verdicts, gates and the heat map at the top of the pytest-html report."""
    state = session.config.stash.get(STATE, None)
    if state is not None and state.run is not None:
        from pytest_failcond.report import html

        pictures = not session.config.getoption("failcond_no_images")
        prefix.append(html.summary(state.run, pictures=pictures))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the store."""
    state = config.stash.get(STATE, None)
    if state is not None and state.owns_store:
        shutil.rmtree(state.store, ignore_errors=True)
