"""A gate by class of many classes: a test's message lists the worst ten, and a JUnit file too."""

from __future__ import annotations

import re

MINE = """
import numpy as np
from pytest_failcond import LabeledImages

CLASSES = 40

def load_images():
    labels = np.arange(400) % CLASSES
    images = np.zeros((400, 8, 8, 1), np.uint8)
    images[:, 0, 0, 0] = labels
    return LabeledImages(images, labels)

def load_classifier():
    def classify(images):
        seen = np.round(images[:, 0, 0, 0] * 255).astype(int)
        seen[::2] = (seen[::2] + 1) % CLASSES
        return np.eye(CLASSES)[seen]
    return classify
"""


def test_a_message_names_the_worst_classes(project, gate):
    project.write("many.py", MINE)
    table = '[tool.failcond]\nclassifier = "many:load_classifier"\nimages = "many:load_images"\n'
    each = {"metric": "clean_accuracy", "min": 0.9, "by_class": True}
    project.configure(
        table, gate(id="each", **each), gate(id="known", **each, expected_fail="known")
    )
    result = project.run(
        "--failcond-json=run.json", "--failcond-markdown=run.md", "--junitxml=j.xml"
    )
    assert result.ret == 1
    for text in (result.stdout.str(), (project.path / "j.xml").read_text()):
        assert len(set(re.findall(r"failed gate 'each' on clean, class '(\d+)'", text))) == 10
        assert "… and 10 more of gate 'each'" in text
    written = (project.path / "run.md").read_text()
    assert written.count("clean, class") <= 12
    assert "more" in written
