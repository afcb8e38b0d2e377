"""The explorer: one page with all its pictures, numbers, styles and code, which loads nothing.

The browser has no generator, so that films are shown: frames at fixed shifts, each with the answers
of classifier and judge. All files in ``templates/`` are ours; the page's Content-Security-Policy
lets it load nothing and run nothing else.
"""

from __future__ import annotations

import io
import shlex
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pytest_failcond import __version__
from pytest_failcond.probes.direction import words as direction_text
from pytest_failcond.probes.direction.exploration import (
    Exploration,
    ExploredCases,
    ExploredClass,
    Film,
    Opinion,
)
from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.moved import Moved
from pytest_failcond.report.filling import data_uri, embedded, fill, source_hash, template
from pytest_failcond.subjects.images import side_by_side
from pytest_failcond.words.printing import escape_html

_LARGEST = 128  # px of a frame's longer side in the page; larger ones are made smaller
_LOSSLESS = 64  # px up to which frames are kept to the last bit
_MOST_CHANGES = 3  # named in the list of directions; a single one shows all
_ROOM = "explorer"
_SCRIPTS = ("film.js", "plot.js", "sheet.js", "cases.js", "explorer.js")


def page(exploration: Exploration) -> str:
    """Return the page: valid HTML, with every name in it escaped."""
    style = template("explorer.css", _ROOM)
    script = '"use strict";\n' + "\n".join(template(name, _ROOM) for name in _SCRIPTS)
    contents = {
        "policy": (
            f"default-src 'none'; img-src data:; script-src '{source_hash(script)}'; "
            f"style-src '{source_hash(style)}'; base-uri 'none'; form-action 'none'"
        ),
        "title": escape_html(f"Where {exploration.classifier} fails"),
        "version": escape_html(__version__),
        "style": style,
        "script": script,
        "data": embedded(_data(exploration)),
    }
    return fill(template("explorer.html", _ROOM), contents)


def _data(exploration: Exploration) -> dict[str, Any]:
    names = list(exploration.classes)
    height, width = exploration.explored[0].films[0].images.shape[-3:-1]
    return {
        "classes": names,
        "classifier": exploration.classifier,
        "generator": exploration.generator,
        "judge": exploration.judge,
        "size": [width, height],
        "options": "".join(f" {shlex.quote(word)}" for word in exploration.options),
        "explored": [_class_data(explored) for explored in exploration.explored],
        "skipped": [
            f"Class {names[index]} is left out: {why}" for index, why in exploration.skipped.items()
        ]
        + [
            f"Class {names[index]} is not searched along several directions at once: {why}"
            for index, why in exploration.not_searched.items()
        ],
    }


def _class_data(explored: ExploredClass) -> dict[str, Any]:
    keys = [direction.key for direction in explored.directions]
    return {
        "index": explored.class_index,
        "samples": explored.samples.tolist(),
        "directions": [
            _direction_data(direction, explored) | {"film": _film_data(film, explored)}
            for direction, film in zip(explored.directions, explored.films, strict=True)
        ],
        "pairs": [
            {"directions": [keys.index(key) for key in film.directions]}
            | {"film": _film_data(film, explored)}
            for film in explored.pairs
        ],
        "searches": [_search_data(cases) for cases in explored.cases],
    }


def _search_data(cases: ExploredCases) -> dict[str, Any]:
    number = len(cases.moved)
    return {
        "toward": cases.toward,
        "cases": [_case_data(moved, cases.names) for moved in cases.moved],
        # As a film of two frames: unmoved, and moved.
        "film": {
            "shifts": [[0, 1]],
            "starts": list(range(number)),
            "sprite": _sprite(cases.images),
            "classifier": _opinion_data(cases.classifier),
            "judge": None if cases.judge is None else _opinion_data(cases.judge),
            "accepted": cases.accepted.astype(int).ravel().tolist(),
        },
    }


def _case_data(moved: Moved, names: dict[int, str]) -> dict[str, Any]:
    shifts = ",".join(map(repr, moved.shifts))
    return {
        "sample": moved.sample,
        "distance": moved.distance,
        "moves": [
            {"name": f"s{key.dimension} {names[key.dimension]}", "shift": key.sign * shift}
            for key, shift in zip(moved.directions, moved.shifts, strict=True)
        ],
        "command": f"{' '.join(moved.keys)} --shift {shifts} --sample {moved.sample}",
    }


def _direction_data(direction: Direction, explored: ExploredClass) -> dict[str, Any]:
    found = direction.breaking_shift
    claimed = found is not None and found <= direction.tested_to
    return {
        "key": direction.key,
        "name": direction_text.dimension(direction),
        "rank": direction.rank,
        "changes": direction_text.attributes(direction, _MOST_CHANGES),
        "all_changes": direction_text.attributes(direction),
        "breaks_at": direction_text.breaks_at(direction),
        "valid_to": direction_text.valid_to(direction),
        "total": direction.total,
        "breaking": found if claimed else None,
        "valid": direction.valid_range,
        "tested": direction.tested_to,
        "breaks": [direction.breaks[row] for row in explored.starts],
        "curve": {
            "shift": direction.curve.shift,
            "broken": [round(count / direction.total, 4) for count in direction.curve.broken],
        },
    }


def _film_data(film: Film, explored: ExploredClass) -> dict[str, Any]:
    return {
        "shifts": [shifts.tolist() for shifts in film.shifts],
        "starts": np.searchsorted(explored.starts, film.starts).tolist(),
        "sprite": _sprite(film.images),
        "classifier": _opinion_data(film.classifier),
        "judge": None if film.judge is None else _opinion_data(film.judge),
        "accepted": film.accepted.astype(int).ravel().tolist(),
    }


def _opinion_data(opinion: Opinion) -> dict[str, Any]:
    return {
        "p": [round(float(p), 3) for p in opinion.p.ravel()],
        "predicted": opinion.predicted.ravel().tolist(),
        "top": [round(float(p), 3) for p in opinion.top.ravel()],
    }


def _sprite(images: npt.NDArray[np.uint8]) -> str:
    """Lay frames ``[…, T, H, W, C]`` out as one picture, a row for each of the first axes."""
    rows = images.reshape(-1, *images.shape[-4:])
    pixels = np.concatenate([side_by_side(row, _LARGEST) for row in rows], axis=0)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    buffer = io.BytesIO()
    if max(images.shape[-3:-1]) <= _LOSSLESS:
        picture.save(buffer, "PNG", optimize=True)
        kind = "png"
    else:
        picture.save(buffer, "JPEG", quality=90, subsampling=0)
        kind = "jpeg"
    return data_uri(buffer.getvalue(), kind)
