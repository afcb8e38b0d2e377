"""The fixtures, to use or to override in ``conftest.py``. Imports nothing heavy at load."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.plugin.state import STATE, State, fail
from pytest_failcond.probes.combination import Combination
from pytest_failcond.probes.corruption import CorruptionCell
from pytest_failcond.probes.direction import CornerCase
from pytest_failcond.probes.keys import Key
from pytest_failcond.process.interrupts import interrupts_wait

if TYPE_CHECKING:
    from pytest_failcond.generators.stylegan2.generator import Generator
    from pytest_failcond.plugin.session import Failcond


def _state(request: pytest.FixtureRequest) -> State:
    state = request.config.stash.get(STATE, None)
    if state is None:
        fail("failcond is not configured here; `failcond init` writes the [tool.failcond] tables")
    return state


def _load(state: State, key: str) -> Any:
    """Load the subject that a setting names; None if it is not set, or if nothing is measured."""
    with interrupts_wait():
        from pytest_failcond.laboratory.configured import load_configured, load_judges

    if state.measured is not None:
        return None
    return load_judges(state.settings) if key == "judge" else load_configured(state.settings, key)


@pytest.fixture(scope="session")
def failcond_classifier(request: pytest.FixtureRequest) -> Any:
    """The model under test: a ``torch.nn.Module``, or a callable on NumPy arrays."""
    try:
        state = _state(request)
        model = _load(state, "classifier")
    except FailcondError as error:
        fail(str(error))
    if model is None and state.measured is None:
        fail(
            f'classifier: none is configured; set classifier = "module:callable" in {state.settings.table()}, '
            "or override the fixture failcond_classifier in conftest.py"
        )
    return model


@pytest.fixture(scope="session")
def failcond_images(request: pytest.FixtureRequest) -> Any:
    """The test images, or None if none are configured.

    `LabeledImages`, a pair (images, labels), the path of a folder of image files or of a CSV file that
    lists them, or a dataset.
    """
    settings = _state(request).settings
    try:
        if settings.images_place is not None:
            return settings.images_place
        return _load(_state(request), "images")
    except FailcondError as error:
        fail(str(error))


@pytest.fixture(scope="session")
def failcond_generator(request: pytest.FixtureRequest) -> Generator | None:
    """The trained generator, or None if none is configured."""
    state = _state(request)
    settings = state.settings
    if settings.generator is None or state.measured is not None:
        return None
    with interrupts_wait():
        from pytest_failcond.generators.stylegan2.generator import Generator

    try:
        return Generator.load(settings.path(settings.generator), settings.device)
    except FailcondError as error:
        fail(str(error))


@pytest.fixture(scope="session")
def failcond_judge(request: pytest.FixtureRequest) -> Any:
    """The judge, a list of several, or None if none is configured."""
    try:
        return _load(_state(request), "judge")
    except FailcondError as error:
        fail(str(error))


@pytest.fixture(scope="session")
def failcond(
    request: pytest.FixtureRequest,
    failcond_classifier: Any,
    failcond_images: Any,
    failcond_generator: Any,
    failcond_judge: Any,
) -> Failcond:
    """Measurements and verdicts: ``.measure(key)``, ``.check(key)``, ``.image(case)``."""
    with interrupts_wait():
        from pytest_failcond.laboratory.configured import build_laboratory
        from pytest_failcond.plugin.session import Failcond

    state = _state(request)
    if state.measured is not None:
        return Failcond(state, None)
    try:
        laboratory = build_laboratory(
            state.settings, failcond_classifier, failcond_images, failcond_generator, failcond_judge
        )
        return Failcond(state, laboratory)
    except FailcondError as error:
        fail(str(error))


@pytest.fixture
def failcond_corruption(request: pytest.FixtureRequest) -> CorruptionCell:
    """One cell of the corruption grid, with its ``.key``; generated for each."""
    return request.param.value  # type: ignore[no-any-return]


@pytest.fixture
def failcond_corner_case(request: pytest.FixtureRequest, failcond: Failcond) -> CornerCase:
    """One direction by class and rank, with its ``.key``; generated for each."""
    case: CornerCase = request.param.value
    return replace(case, failcond=failcond)


@pytest.fixture
def failcond_combination(request: pytest.FixtureRequest) -> Combination:
    """One search along several directions, by class, with its ``.key``; generated for each."""
    return request.param.value  # type: ignore[no-any-return]


@pytest.fixture
def failcond_gate(request: pytest.FixtureRequest) -> str:
    """The id of a gate over several keys; generated for each."""
    return request.param.value  # type: ignore[no-any-return]


@pytest.fixture
def failcond_corpus(request: pytest.FixtureRequest) -> str:
    """The id of an entry of the corpus; generated for each."""
    return request.param.value  # type: ignore[no-any-return]


@pytest.fixture
def failcond_regression(request: pytest.FixtureRequest) -> str:
    """A key to compare with the baseline; generated for each."""
    return request.param.value  # type: ignore[no-any-return]


@pytest.fixture
def failcond_probe(request: pytest.FixtureRequest) -> Key:
    """The key of a test that a project's own probe plans; generated for each."""
    return request.param.value  # type: ignore[no-any-return]
