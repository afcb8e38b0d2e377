"""Plain data of a foreign file: what stands in it for objects, and the check of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pytest_failcond.foreign.bounds import STEPS, Refused, told

_DEEPEST = 200  # levels of data; a network of NVIDIA's has five for each module within a module
_LEAVES = (str, bytes, int, float, bool, type(None), np.ndarray)


@dataclass(eq=False, slots=True)
class Inert:
    """An object of a foreign file: its name and its parts, of which nothing was ever run.

    Attributes:
        module: in which the file says that the object's class or function is.
        name: of the class or function.
        state: that would have been given to the object, mostly a dict of its attributes.
        arguments: that its class or function would have been called with.
    """

    module: str
    name: str
    state: Any = None
    arguments: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        """Return its name alone: the parts may be a million."""
        return f"<Inert {self.module}.{self.name}>"


@dataclass(slots=True)
class _Level:
    """A container on the way down, and the size of those of its parts that were seen."""

    container: Any
    rest: Iterator[Any]
    size: int = field(default=1)


def check_whole(root: Any) -> None:
    """Check that data are plain, not too deep, without circles, and of bounded size as a tree.

    A list of a list of a list, each with the next one twice, is small in memory and takes forever to walk.

    Raises:
        Refused: they are not.
    """
    sizes: dict[int, int] = {}
    way = [_Level(None, iter((root,)))]
    open_: set[int] = set()
    while True:
        level = way[-1]
        child = next(level.rest, level)
        if child is level:
            way.pop()
            if not way:
                return
            sizes[id(level.container)] = level.size
            open_.discard(id(level.container))
            way[-1].size += level.size
        elif type(child) in _LEAVES:
            level.size += 1
        elif id(child) in sizes:
            level.size += sizes[id(child)]
        else:
            if id(child) in open_:
                raise Refused("its data contain themselves")
            if len(way) > _DEEPEST:
                raise Refused(f"its data are nested more than {_DEEPEST} levels deep")
            open_.add(id(child))
            way.append(_Level(child, _parts(child)))
        if way[-1].size > STEPS:
            raise Refused("its data repeat one another without end")


def _parts(container: Any) -> Iterator[Any]:
    kind = type(container)
    if kind in (list, tuple, set, frozenset):
        return iter(container)
    if kind is dict:
        return iter(container.values())  # keys are plain
    if kind is Inert:
        return iter((*container.arguments, container.state))
    raise Refused(f"it has {told(container)} where data are expected")
