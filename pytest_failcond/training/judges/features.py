"""The backbone of judges that are heads: it is tried on images, and described for the file's header."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pytest_failcond.errors import FailcondError
from pytest_failcond.judges.file import load_backbone
from pytest_failcond.judges.networks import pooled
from pytest_failcond.process.exchange import ask, described
from pytest_failcond.process.surroundings import theirs
from pytest_failcond.subjects.images import LabeledImages, to_float
from pytest_failcond.subjects.model_hash import hash_model

KEY = "--features"


def describe(reference: str, data: LabeledImages) -> tuple[nn.Module, dict[str, Any]]:
    """Load a backbone. Returns it, and its description for a file's header.

    Raises:
        FailcondError: it cannot be loaded, or does not give finite features for images.
    """
    backbone = load_backbone(reference, KEY)
    images = torch.from_numpy(to_float(data.images[:2]))
    with torch.no_grad(), theirs():
        out = ask(
            f"{KEY} = {reference!r}", backbone, images.clone(), on=f"on images {list(images.shape)}"
        )
    if not isinstance(out, Tensor) or out.ndim not in (2, 4) or len(out) != len(images):
        raise FailcondError(
            f"{KEY} = {reference!r} gives {described(out)} for {len(images)} images; it must give "
            "features, a tensor [N, D] or [N, D, h, w]"
        )
    features = pooled(out)
    if not bool(features.isfinite().all()):
        raise FailcondError(f"{KEY} = {reference!r} gives features that are not finite")
    return backbone, {
        "features": reference,
        "features_hash": hash_model(backbone, "backbone"),
        "features_width": features.shape[1],
    }
