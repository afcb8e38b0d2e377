"""The run that mCE refers to: it narrows the possible values of a gate on mCE, and so decides which
are refused.
"""

from __future__ import annotations

from dataclasses import replace

from pytest_failcond.config.gate_rules import check_reach
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import Key, MeanKey
from pytest_failcond.probes.metric import Asked
from pytest_failcond.probes.registry import METRICS
from pytest_failcond.probes.several.metrics import reference_divisors
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.runs.run import Run
from pytest_failcond.verdicts.metrics import Case


def check_reference(settings: Settings) -> None:
    """Check that some results fail each gate on mCE, and some do not, by the errors of the
    reference.

    If the reference does not exist yet, the gates' own checks report it.

    Raises:
        FailcondError: a gate can tell nothing, or the reference cannot be read or lacks a cell.
    """
    gates = [gate for gate in settings.gates if METRICS[gate.metric].needs_reference]
    path = settings.reference_path
    if not gates or path is None or not path.is_file():
        return
    run = Run.load(path)

    def measure(key: Key) -> Measurement:
        if key not in run.measurements:
            raise FailcondError(f"{path}: has no {key}; make a new one")
        return run.measurements[key]

    for gate in gates:
        clean = "clean" in METRICS[gate.metric].needs
        case = Case(gate, MeanKey(), measure, settings, (), reference=measure)
        shares = [1 / divisor for _, divisor in reference_divisors(case, clean=clean)]
        widest = sum(shares) / len(shares)
        least = -widest if clean else 0.0
        reach = METRICS[gate.metric].reach(Asked((), 0.0, None))
        what = f"from {least:.4g} to {widest:.4g} with this reference, not a percentage"
        try:
            check_reach(gate, replace(reach, lowest=least, highest=widest, what=what))
        except ValueError as error:
            raise FailcondError(f"{path}: {error}") from error
