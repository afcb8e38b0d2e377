"""The plot of shared directions decodes, is not blank, and leaves no trace in matplotlib's state."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_failcond.errors import FailcondError
from pytest_failcond.report.shared import shared_directions
from tests.runs import make_comparison, make_run


def test_both_are_drawn_whatever_they_are_called(tmp_path):
    run = make_run(tmp_path, classes=("$\\frac$", "数字", "c"))
    run = replace(run, comparison=make_comparison(tmp_path))
    content = shared_directions(run, run, "$\\frac$ before", "now")
    image = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
        assert (np.abs(image - colour).sum(axis=2) < 30).sum() > 50


def test_nothing_shared_is_refused():
    with pytest.raises(FailcondError, match="no direction of both"):
        shared_directions(make_run(), make_run(), "a", "b")


def test_pyplot_is_not_touched():
    code = (
        "import sys, matplotlib as m; before = dict(dict.items(m.rcParams)); "  # asks for no backend
        "import tempfile; from pathlib import Path; from dataclasses import replace; "
        "from tests.runs import make_run, make_comparison; "
        "from pytest_failcond.report.shared import shared_directions; "
        "folder = tempfile.TemporaryDirectory(); path = Path(folder.name); "
        "run = replace(make_run(path), comparison=make_comparison(path)); "
        "shared_directions(run, run, 'a', 'b'); folder.cleanup(); "
        "sys.exit('matplotlib.pyplot' in sys.modules or dict(dict.items(m.rcParams)) != before)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=root)
    assert done.returncode == 0
