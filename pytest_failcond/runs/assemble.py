"""Store → run: the records, completed by the plan, and the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.config.baselines import absent_baseline
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.base import Planned
from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.direction.record import ClassRanking
from pytest_failcond.probes.keys import (
    CleanKey,
    CorpusKey,
    Key,
)
from pytest_failcond.probes.registry import METRICS, PROBES
from pytest_failcond.probes.regression import planned as regression_test
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.runs.beside import beside_of
from pytest_failcond.runs.compare import compare
from pytest_failcond.runs.other import Other
from pytest_failcond.runs.run import Run
from pytest_failcond.storage.packing import unpack
from pytest_failcond.storage.store import (
    ASKED,
    COMPARED,
    MISSING,
    PLAN,
    Record,
    Store,
    is_withheld,
)
from pytest_failcond.verdicts.checked import Checked
from pytest_failcond.verdicts.plan import share_of
from pytest_failcond.verdicts.resolution import unresolved
from pytest_failcond.verdicts.verdicts import Verdicts
from pytest_failcond.words.remarks import PREFIX, Remark, noting, remarks_of

_MISSING = "was planned, but its test did not end"


def assemble(
    store_folder: Path,
    settings: Settings,
    classes: tuple[str, ...] | None,
    *,
    baseline: Path | None = None,
    part: tuple[int, int] | None = None,
    kept: bool = False,
    strict: bool = False,
    only: Iterable[str] | None = None,
    unbegun: Mapping[str, str] | None = None,
) -> Run | None:
    """Make the run from a store; None if no test of the session measured anything.

    A planned key that is missing becomes an error: it never shrinks the run silently.

    Args:
        store_folder: of the session.
        settings: with the gates.
        classes: their names; None: numbers.
        baseline: a run file to compare with.
        part: (i, n) if the session measures a part of the plan, and judges nothing.
        kept: whether the store holds a kept run, of which only the planned keys count.
        strict: whether a model whose output changes from call to call is an error, and a marginal
            or not evaluated check fails the run.
        only: keys; leaves out all others and the plan, for the details of one test.
        unbegun: planned tests that did not begin, with the reason.
    """
    store = Store(store_folder)
    session = store.find("session")
    if session is None or "error" in session:
        return None
    records = dict(_chosen(store, only))
    run = _measured(session, records, settings, classes)
    planned = tuple(_planned(store, part) if only is None else _checked(only, baseline))
    beside = {
        name.removeprefix(COMPARED): record
        for name, record in records.items()
        if name.startswith(COMPARED) and "error" not in record
    }
    folder = store.pictures if store.pictures.is_dir() else None
    environment = {key: value for key, value in run.environment.items() if key != "strict"}
    environment |= {"strict": True} if strict else {}
    run = replace(run, planned=planned, part=part, pictures=folder, environment=environment)
    run = replace(run, beside=beside_of(beside, baseline) if only is None else None)
    if part is None:
        if kept:
            tests = [PROBES.planned(name, settings) for name in planned]
            asked = {key for test in tests for key in (test.name, *test.needs)}
            run = replace(run, errors={k: text for k, text in run.errors.items() if k in asked})
        checked = Checked(store, wait=only is not None)
        run = conclude(run, settings, baseline, beside=beside, checked=checked, unbegun=unbegun)
    elif only is None:
        run = _share(run, part, settings, unbegun)
    return replace(run, errors=run.errors | _unsteady(run)) if strict else run


def _unsteady(run: Run) -> dict[str, str]:
    """Return the models whose output changes from call to call, as errors."""
    return {remark.model: remark.text for remark in run.remarks if remark.what == "random"}


def _share(
    run: Run, part: tuple[int, int], settings: Settings, unbegun: Mapping[str, str] | None
) -> Run:
    """Leave out of a part the keys of another part, measured on the way."""
    tests = [PROBES.planned(name, settings) for name in run.planned]
    share = share_of(tests, part)

    def mine(kind: dict[Any, Any]) -> dict[Any, Any]:
        return {k: v for k, v in kind.items() if PROBES.planned(k, settings).unit in share}

    missing = share - run.records.keys() - run.errors.keys() - run.withheld.keys()
    reasons = _reasons(((test.name, test.unit) for test in tests if test.unit), unbegun)
    errors = mine(run.errors) | {key: reasons[key] for key in sorted(missing)}
    return replace(run, records=mine(run.records), errors=errors, withheld=mine(run.withheld))


def conclude(
    run: Run,
    settings: Settings,
    baseline: Path | None,
    *,
    beside: Mapping[str, Record] | None = None,
    missing: str = _MISSING,
    checked: Checked | None = None,
    unbegun: Mapping[str, str] | None = None,
) -> Run:
    """Complete a run: errors for missing keys, verdicts, comparison.

    Checks of the session's tests are in ``checked``; the others are made here. ``beside``: by key, what was
    measured for the comparison alone. ``unbegun``: as in `assemble`; ``missing`` is the reason of all others.
    """
    tests = [PROBES.planned(name, settings) for name in run.planned]
    reasons = _reasons(((test.name, key) for test in tests for key in test.needs), unbegun, missing)
    errors = dict(run.errors)
    for needed, reason in reasons.items():
        if needed not in run.records and needed not in run.withheld:
            errors.setdefault(needed, reason)
    run = replace(run, errors=errors, environment=_with_baseline(run, settings, baseline))

    def other(path: Path | None) -> Other | None:
        return None if path is None else Other(path, run.subjects, run.measured)

    then, reference = other(baseline), other(settings.reference_path)
    verdicts = Verdicts.against(
        settings,
        run.classes,
        run.measured,
        None if then is None else then.measure,
        None if reference is None else reference.measure,
        checked,
    )
    notes = tuple(map(str, unresolved(settings, run.classes, run.labels)))
    run = replace(run, gates=verdicts.results(tests), notes=notes)
    if then is None:
        return run
    try:
        comparison = compare(
            then.run,
            run,
            str(baseline),
            confidence=settings.confidence,
            found=beside,
        )
    except FailcondError as error:
        return replace(run, errors=run.errors | {"baseline": str(error)})
    return replace(run, comparison=comparison)


def _reasons(
    needed: Iterable[tuple[str, Key]], unbegun: Mapping[str, str] | None, missing: str = _MISSING
) -> dict[Key, str]:
    """Return for each key that a planned test needs the reason why it may be missing.

    If one of several tests began, it tells more than those that did not.
    """
    reasons: dict[Key, str] = {}
    for test, key in needed:
        if unbegun and test in unbegun:
            reasons.setdefault(key, unbegun[test])
        else:
            reasons[key] = missing
    return reasons


def _with_baseline(run: Run, settings: Settings, baseline: Path | None) -> dict[str, Any]:
    """Return the environment of a run, with a remark if a configured baseline or reference is
    missing.
    """
    remarks = [remark for remark in run.remarks if remark.what != "absent"]
    if baseline is None and settings.baseline is not None:
        remarks.append(Remark("baseline", "absent", absent_baseline(settings)))
    grid, path = settings.corruptions, settings.reference_path
    if grid and path and not path.is_file() and not _needs_reference(settings):
        said = f"no reference for mCE at {grid.reference}"
        remarks.append(Remark("reference", "absent", said))
    return noting(run.environment, remarks)


def _needs_reference(settings: Settings) -> bool:
    return any(METRICS[gate.metric].needs_reference for gate in settings.gates)


def notes_before(
    store_folder: Path, settings: Settings, classes: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Return the same as soon as a session knows its images, before any is measured; None: not
    yet.
    """
    session = Store(store_folder).find("session")
    if session is None or "error" in session:
        return None
    labels = unpack(session["labels"])
    numbered = tuple(map(str, range(int(labels.max(initial=-1)) + 1)))
    return tuple(map(str, unresolved(settings, classes or numbered, labels)))


def _planned(store: Store, part: tuple[int, int] | None) -> list[str]:
    """Return the plan of the session's tests, the suite's and the user's own.

    The user's own are not in a divided plan, which is the same for all parts.
    """
    plan: list[str] = (store.find(PLAN) or {"plan": []})["plan"]
    if part is not None:
        return plan
    return list(dict.fromkeys([*plan, *(record["asked"] for _, record in store.records(ASKED))]))


def _checked(keys: Iterable[str], baseline: Path | None) -> list[str]:
    """Return the verdicts on the keys alone and, if there is a baseline, against it."""
    tests = [
        (Planned.of_key(key), *([regression_test(key)] if baseline is not None else []))
        for key in map(PROBES.read_key, keys)
    ]
    return [test.name for some in tests for test in some]


def _chosen(store: Store, only: Iterable[str] | None) -> Iterable[tuple[str, Record]]:
    if only is None:
        return store.records("")
    names = {CleanKey(), CorpusKey(), *only}
    names |= {f"{kind}{key}" for key in only for kind in (MISSING, COMPARED)}
    found = ((name, store.find(name)) for name in sorted(names))
    return ((name, record) for name, record in found if record is not None)


def _measured(
    session: Record, records: dict[str, Record], settings: Settings, classes: tuple[str, ...] | None
) -> Run:
    """Make a run from records, without verdicts."""
    labels = unpack(session["labels"])
    errors: dict[str, str] = {}
    withheld: dict[str, str] = {}
    found: list[Any] = []
    for name, record in records.items():
        if "error" in record:
            kind = withheld if is_withheld(record) else errors
            kind[name.removeprefix(MISSING)] = record["error"]
        elif (key := PROBES.named(name)) is not None:
            found.append(PROBES.read(key, record, labels))
    by_key = PROBES.in_order(found, settings)
    kept = session["environment"].get("remarks", ())
    noted = (record for name, record in records.items() if name.startswith(PREFIX))
    return Run(
        environment=noting(session["environment"], remarks_of([*kept, *noted])),
        subjects=session["subjects"],
        settings=settings.model_dump(mode="json", exclude={"folder"}) | session.get("names", {}),
        classes=classes or _numbered(by_key.values()),
        labels=labels,
        records=by_key,
        errors=errors,
        withheld=withheld,
        kept=_kept(session),
    )


def _kept(session: Record) -> npt.NDArray[np.int64] | None:
    return None if session["kept"] is None else unpack(session["kept"], "<u4")


def _numbered(records: Iterable[Any]) -> tuple[str, ...]:
    """Return the numbers of the classes in records, if the classes have no names."""
    count = 0
    for record in records:
        if isinstance(record, Measurement):
            count = max(count, record.classes)
        elif isinstance(record, ClassRanking | Combined):
            count = max(count, record.class_index + 1)
    return tuple(map(str, range(count)))
