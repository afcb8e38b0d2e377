"""An interpreter of pickles that makes plain data: it imports no name, and calls nothing of the file's."""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable
from typing import Any, TypeAlias

from pytest_failcond.foreign.bounds import (
    AGAIN,
    LONG,
    MARKS,
    SAVE_STATE,
    STACK,
    Reading,
    Refused,
    Source,
    told,
)
from pytest_failcond.foreign.machine import Machine, Persistent, decoded
from pytest_failcond.foreign.stand_ins import Pending, StandIn, Unread
from pytest_failcond.foreign.values import Inert

_KEYS = (str, bytes, int, float, bool, type(None))  # a tuple's hash may take as long as one likes
_NEWEST = 5  # protocol


def read_pickle(
    source: Source, start: int, end: int, reading: Reading, persistent: Persistent | None = None
) -> tuple[Any, int]:
    """Return a pickle's object, and the place behind the pickle.

    Args:
        source: the file, or part of it.
        start: of the pickle in it.
        end: of the bytes that may belong to it.
        reading: what is shared with the other pickles of the file.
        persistent: makes an object of a persistent ID; None: there must be none.

    Raises:
        Refused: it is damaged, too big, or has something else than data of a checkpoint.
    """
    machine = Machine(source, start, end, reading, persistent)
    while (code := machine.take(1)) != b".":
        reading.budget.step()
        operation = _OPERATIONS.get(code)
        if operation is None:
            raise Refused(_unused(code))
        operation(machine)
        if len(machine.stack) > STACK:
            raise Refused(f"its pickle puts more than {STACK:,} values on the stack")
    return machine.pop(), machine.position


Operation: TypeAlias = Callable[[Machine], object]


def _mark(m: Machine) -> None:
    if len(m.outer) >= MARKS:
        raise Refused(f"its pickle begins more than {MARKS:,} lists within one another")
    m.outer.append(m.stack)
    m.stack = []


def _protocol(m: Machine) -> None:
    if (number := m.take(1)[0]) > _NEWEST:
        raise Refused(f"it is a pickle of protocol {number}, and those up to {_NEWEST} are read")


def _frame(m: Machine) -> None:
    if m.number("<Q") > m.end - m.position:
        raise Refused("it ends within a frame of its pickle: it is truncated", AGAIN)


def _long(form: str) -> Operation:
    def push(m: Machine) -> None:
        count = m.number(form)
        if not 0 <= count <= LONG:
            raise Refused(f"it has a whole number of {count} bytes, where {LONG} are many")
        m.push(int.from_bytes(m.take(count), "little", signed=True))

    return push


def _text(form: str, encoding: str) -> Operation:
    return lambda m: m.push(decoded(m.literal(form), encoding))


def _tuple(count: int) -> Operation:
    def push(m: Machine) -> None:
        if len(m.stack) < count:
            raise Refused("its pickle takes a value from an empty stack")
        values = tuple(m.stack[-count:])
        m.stack[-count:] = [values]

    return push


def _append(m: Machine, values: list[Any]) -> None:
    target = m.top()
    if type(target) is not list:
        raise Refused(f"it appends to {told(target)}, which is not a list")
    target += values


def _set_items(m: Machine, values: list[Any]) -> None:
    target = m.top()
    if type(target) is not dict or len(values) % 2:
        raise Refused(f"it sets {len(values)} keys and values of {told(target)}")
    keys = values[::2]
    check_keys(keys)
    target.update(zip(keys, values[1::2], strict=True))


def _add_items(m: Machine) -> None:
    values, target = m.pop_mark(), m.top()
    if type(target) is not set:
        raise Refused(f"it adds to {told(target)}, which is not a set")
    check_keys(values)
    target.update(values)


def _frozen_set(m: Machine) -> None:
    values = m.pop_mark()
    check_keys(values)
    m.push(frozenset(values))


def check_keys(values: list[Any]) -> None:
    """Check that the keys of a dict, or the parts of a set, are hashed at once and differently."""
    for value in values:
        if type(value) not in _KEYS or (type(value) is int and value.bit_length() > 64):
            raise Refused(f"it has {told(value)} as a key")


def _named(m: Machine, module: Any, name: Any) -> None:
    if type(module) is not str or type(name) is not str:
        raise Refused(f"it names a class by {told(module)} and {told(name)}")
    m.push(look_up(m.reading, module, name))


def look_up(reading: Reading, module: str, name: str) -> Any:
    """Return the object of ours that stands for a name, which is never imported."""
    found = reading.names.get((module, name))
    if found is None:
        raise Refused(
            f"it names {told(f'{module}.{name}')}, which no checkpoint of a StyleGAN2 needs",
            SAVE_STATE,
        )
    if type(found) is Unread:
        raise Refused(found.clause, found.remedy)
    return found


def _stack_named(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    _named(m, module, name)


def _call(m: Machine) -> None:
    """Make the stand-in of an object: for REDUCE and NEWOBJ, which differ in nothing then."""
    arguments, called = m.pop(), m.pop()
    if type(called) is not StandIn or type(arguments) is not tuple:
        raise Refused(f"it calls {told(called)} with {told(arguments)}")
    m.push(called.make(arguments, m.reading))


def _build(m: Machine) -> None:
    state, target = m.pop(), m.top()
    if type(target) is Inert and target.state is None:
        target.state = state
    elif type(target) is Pending:
        value = m.stack[-1] = target.complete(state, m.reading)
        for index in target.places:
            m.memo[index] = value
    elif type(target) is not dict or type(state) is not dict:
        # A dict's own attributes, such as the versions of a state_dict's modules, are left out.
        raise Refused(f"it gives {told(state)} as the state of {told(target)}")


def _persistent(m: Machine) -> None:
    identity = m.pop()
    if m.persistent is None:
        raise Refused("it refers to data outside of itself")
    m.push(m.persistent(identity))


def _unused(code: bytes) -> str:
    known = pickletools.code2op.get(code.decode("latin-1"))  # type: ignore[attr-defined]
    if known is None:
        return f"it has byte {code[0]} where its pickle needs an opcode"
    return f"it uses pickle's opcode {known.name}, which no checkpoint needs"


def _push(value: Any) -> Operation:
    return lambda m: m.push(value)


_OPERATIONS: dict[bytes, Operation] = {
    b"\x80": _protocol,
    b"\x95": _frame,
    b"N": _push(None),
    b"\x88": _push(True),
    b"\x89": _push(False),
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("<B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"\x8a": _long("<B"),
    b"\x8b": _long("<i"),
    b"G": lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    b"\x8c": _text("<B", "utf-8"),
    b"X": _text("<I", "utf-8"),
    b"\x8d": _text("<Q", "utf-8"),
    b"U": _text("<B", "ascii"),
    b"T": _text("<I", "ascii"),
    b"C": lambda m: m.push(m.literal("<B")),
    b"B": lambda m: m.push(m.literal("<I")),
    b"\x8e": lambda m: m.push(m.literal("<Q")),
    b"\x96": lambda m: m.push(m.literal("<Q")),
    b"]": lambda m: m.push([]),
    b"a": lambda m: _append(m, [m.pop()]),
    b"e": lambda m: _append(m, m.pop_mark()),
    b")": _push(()),
    b"\x85": _tuple(1),
    b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"t": lambda m: m.push(tuple(m.pop_mark())),
    b"}": lambda m: m.push({}),
    b"s": lambda m: _set_items(m, [m.pop(), m.pop()][::-1]),
    b"u": lambda m: _set_items(m, m.pop_mark()),
    b"\x8f": lambda m: m.push(set()),
    b"\x90": _add_items,
    b"\x91": _frozen_set,
    b"(": _mark,
    b"h": lambda m: m.get(m.number("<B")),
    b"j": lambda m: m.get(m.number("<I")),
    b"q": lambda m: m.put(m.number("<B")),
    b"r": lambda m: m.put(m.number("<I")),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"c": lambda m: _named(m, m.line(), m.line()),
    b"\x93": _stack_named,
    b"R": _call,
    b"\x81": _call,
    b"b": _build,
    b"Q": _persistent,
}
"""What each opcode does. Those of protocols 0 and 1 that text follows, and those that nothing in a checkpoint
needs, are not there."""
