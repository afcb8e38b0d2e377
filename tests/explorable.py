"""A small project to explore: a generator of three classes, and two models that it can fool."""

from __future__ import annotations

from pathlib import Path

import torch

from pytest_failcond import Generator
from tests.unit.tiny import tiny_generator

EVIL = "</script><script>alert(1)</script>"
CLASSES = (EVIL, 'a & "b"', "star")

MODELS = '''
"""Linear models that learnt the tiny generator's classes, each from images of its own."""
from pathlib import Path

import torch
from torch import nn

from pytest_failcond import Generator
from tests.explorable import learnt

class Linear(nn.Module):
    def __init__(self, seed, decay, sharpness=8):
        super().__init__()
        self.sharpness = sharpness
        self.mean, self.weight = learnt(Path(__file__).parent / "tiny.safetensors", seed, decay)

    def forward(self, images):
        return self.sharpness * (images.flatten(1) - self.mean) @ self.weight

def load_classifier():
    return Linear(1, 3.0).eval()

def load_judge():
    return Linear(2, 0.1, sharpness=1000).eval()

class Wide(Linear):
    """Has an output more, for none of these: where no class stands out."""
    def forward(self, images):
        logits = super().forward(images)
        return torch.cat([logits, torch.full((len(logits), 1), 200.0)], dim=1)

def load_wide_judge():
    return Wide(2, 0.1, sharpness=1000).eval()

def load_plain():
    model = load_classifier()
    return lambda images: model(torch.from_numpy(images)).numpy()
'''

CONFIGURATION = f"""
[tool.failcond]
classifier = "explorable_models:load_classifier"
judge = "explorable_models:load_judge"
generator = "tiny.safetensors"
classes = ['{CLASSES[0]}', '{CLASSES[1]}', '{CLASSES[2]}']
[tool.failcond.corner_cases]
top = 2
samples = 16
max_shift = 4.0
"""


SEARCH = """
[tool.failcond.combinations]
samples = 4
dimensions = 6
toward = ["star"]
"""


LEARNT: dict[tuple[bytes, int, float], tuple[torch.Tensor, torch.Tensor]] = {}
"""What models have learnt, for all sessions of a process: each loads two."""


def learnt(path: Path, seed: int, decay: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and weights of a linear model of the generator's classes, from 300 images."""
    key = path.read_bytes(), seed, decay
    if key not in LEARNT:
        generator = Generator.load(path)
        labels = torch.arange(300) % 3
        seen = generator.synthesize(generator.sample(labels, seed)).flatten(1)
        mean = seen.mean(dim=0)
        inputs, wanted = seen - mean, torch.nn.functional.one_hot(labels, 3).float()
        square = inputs.T @ inputs + decay * torch.eye(inputs.shape[1])
        LEARNT[key] = mean, torch.linalg.solve(square, inputs.T @ (wanted - wanted.mean(dim=0)))
    mean, weight = LEARNT[key]
    return mean.clone(), weight.clone()


def write_project(folder: Path, *, image_channels: int = 1, search: str = "") -> Path:
    """Write the project into a folder; returns the folder. ``search``: a table of the configuration."""
    tiny_generator(image_channels=image_channels).save(folder / "tiny.safetensors")
    (folder / "explorable_models.py").write_text(MODELS, encoding="utf-8")
    (folder / "pyproject.toml").write_text(CONFIGURATION + search, encoding="utf-8")
    return folder
