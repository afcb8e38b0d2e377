"""Damaged files: whatever is wrong with a foreign file, its reader has one sentence for it, or data."""

import io
import pickle
import pickletools
import random
import resource
import struct
from itertools import chain, product

import foreign_files as make
import numpy as np
import pytest
import torch
from foreign_files import called, named, old, pickled, rebuilt, saved, storage, text, tupled, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failcond.errors import FailcondError
from pytest_failcond.foreign import bounds
from pytest_failcond.foreign.bounds import Budget, Reading, Refused
from pytest_failcond.foreign.legacy import Declared
from pytest_failcond.foreign.names import NAMES
from pytest_failcond.foreign.opcodes import read_pickle
from pytest_failcond.foreign.opened import read_foreign
from pytest_failcond.foreign.stand_ins import StandIn
from pytest_failcond.foreign.values import Inert

SEED = 20_260_117
MUTANTS = 300  # of each kind of file


def network():
    """What the checkpoints of StyleGAN2 have: a state_dict, options, arrays, numbers, half precision."""
    return {
        "g_ema": {"w": torch.arange(12.0).view(3, 4).t(), "h": torch.ones(3).half(),
                  "b": torch.ones(3).bfloat16(), "n": torch.tensor(2), "flag": torch.tensor([True])},
        "beta": np.float64(0.5), "filter": np.arange(4.0), "set": {"a"}, "size": torch.Size([1, 2]),
    }  # fmt: skip


def nvidia(tmp_path):
    """A pickle as NVIDIA's training writes it: storages in pickles of their own, source text."""
    held = make.loaded(old(pickled(storage(legacy=True)), {"0": bytes(16)}))
    weight = called("torch._utils", "_rebuild_parameter", rebuilt(held, 0, (2, 2), (2, 1)), b"\x89",
                    called("collections", "OrderedDict"))  # fmt: skip
    state = b"}(" + text("_parameters") + b"}(" + text("weight") + weight + b"uu"
    meta = b"}(" + text("module_src") + text("import os") + text("state") + state + b"u"
    return pickled(b"}", text("G_ema"), called(
        "torch_utils.persistence", "_reconstruct_persistent_obj", meta), b"s")  # fmt: skip


def from_torch(zipped, protocol):
    def written(tmp_path):
        path = tmp_path / "original"
        torch.save(network(), path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
        return path.read_bytes()

    return written


def from_pickle(protocol):
    return lambda tmp_path: pickle.dumps(network(), protocol)


FILES = {
    "torch zip": from_torch(True, 2),
    "torch zip, protocol 4": from_torch(True, 4),
    "torch legacy": from_torch(False, 2),
    "pickle, protocol 2": from_pickle(2),
    "pickle, protocol 5": from_pickle(5),
    "NVIDIA": nvidia,
}


@pytest.fixture(params=FILES.values(), ids=FILES)
def original(request, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *args, **kwargs: None)  # torch's, of TypedStorage
        return request.param(tmp_path)


def walk(value):
    """Use all of what was read, by recursion, as a converter does."""
    if isinstance(value, np.ndarray):
        assert np.isscalar(value.astype(np.float64, copy=True).sum())
    elif isinstance(value, Inert):
        walk(value.state)
        walk(value.arguments)
    elif isinstance(value, dict):
        for part in value.values():
            walk(part)
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            walk(part)
    else:
        assert value is None or isinstance(value, str | bytes | int | float)


def read(path, content):
    """Read a file: True if there were data, False if there was a sentence; nothing else may happen."""
    path.write_bytes(content)
    try:
        walk(read_foreign(path).root)
    except FailcondError as refused:
        sentence = str(refused)
        assert sentence.startswith(f"{path}: it")
        assert "\n" not in sentence
        return False
    return True


def test_a_truncated_file_is_refused(original, tmp_path):
    path = tmp_path / "cut"
    assert read(path, original)
    for percent in range(100):
        assert not read(path, original[: len(original) * percent // 100])
    assert not read(path, original[:-1])


INTERESTING = [0, 1, 2, 0x7F, 0x80, 0xFF, *map(ord, "(.]}ehjqrRbQstu0cX")]
NUMBERS = [0, 1, 255, 256, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1]


def mutated(content, other, dice):
    """A file with a few faults: bytes, numbers, parts left out, doubled, moved or of another file."""
    made = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 5))):
        place, kind = dice.randrange(len(made)), dice.randrange(6)
        length = dice.choice((1, 2, 4, 8, 30, 100))
        if kind == 0:
            made[place] = dice.choice((*INTERESTING, dice.randrange(256)))
        elif kind == 1:
            width, form = dice.choice(((1, "B"), (2, "H"), (4, "I"), (8, "Q")))
            number = dice.choice(NUMBERS) & (1 << 8 * width) - 1
            made[place : place + width] = struct.pack(f"<{form}", number)
        elif kind == 2:
            del made[place : place + length]
        elif kind == 3:
            made[place:place] = made[place : place + length] * dice.choice((1, 2, 50))
        elif kind == 4:
            start = dice.randrange(len(other))
            made[place : place + length] = other[start : start + length]
        else:
            made[place : place + 1] = dice.choice(pickletools.opcodes).code.encode("latin-1")
        made = made or bytearray(b"\0")
    return bytes(made)


def steps(monkeypatch):
    monkeypatch.setattr(bounds, "STEPS", 20_000)


def test_a_mutated_file_is_read_or_refused(original, tmp_path, monkeypatch):
    steps(monkeypatch)
    dice = random.Random(SEED)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = tmp_path / "mutant"
    others = [original, nvidia(tmp_path), saved(pickled(b"}"))]
    found = [read(path, mutated(original, dice.choice(others), dice)) for _ in range(MUTANTS)]
    assert sum(found) < MUTANTS  # some were refused
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 150_000  # kB


def test_a_mutated_pickle_within_a_good_archive_is_read_or_refused(tmp_path, monkeypatch):
    """A checksum finds most faults of an archive: here it is right, and the pickle is not."""
    steps(monkeypatch)
    dice = random.Random(SEED)
    half = rebuilt(storage("HalfStorage", "1"), 1, (2,), (1,))
    root = pickled(b"}(", text("a"), rebuilt(storage(), 0, (2, 2), (1, 2)), text("b"), half, b"u")
    path = tmp_path / "mutant"
    parts = {"0": bytes(16), "1": bytes(8)}
    assert read(path, saved(root, parts))
    found = [read(path, saved(mutated(root, root, dice), parts)) for _ in range(MUTANTS)]
    assert 0 < sum(found) < MUTANTS


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
    | st.text() | st.binary(),
    lambda parts: st.lists(parts) | st.tuples(parts, parts, parts, parts) | st.tuples(parts)
    | st.dictionaries(st.text() | st.integers(-(2**40), 2**40), parts)
    | st.sets(st.integers(-(2**63), 2**64 - 1) | st.text()) | st.frozensets(st.binary()),
    max_leaves=20,
)  # fmt: skip


def own(content):
    """Read a pickle alone, without the checks of the whole."""
    return read_pickle(content, 0, len(content), Reading(Budget(len(content)), NAMES))[0]


def shown(value):
    """Return a text that tells values and types apart, whatever the order of a set."""
    if isinstance(value, dict):
        return f"{type(value)}{[(shown(key), shown(held)) for key, held in value.items()]}"
    if isinstance(value, set | frozenset):
        return f"{type(value)}{sorted(map(shown, value))}"
    if isinstance(value, list | tuple):
        return f"{type(value)}{[*map(shown, value)]}"
    return f"{type(value)}{value!r}"


def same(one, other):
    """Whether two objects are equal and of equal types."""
    return one == other and shown(one) == shown(other)


@given(plain, st.integers(2, 5))
@settings(deadline=None, max_examples=60)
def test_plain_data_are_what_pickle_reads(data, protocol):
    content = pickle.dumps(data, protocol)
    assert same(own(content), pickle.loads(content))


@given(plain, st.integers(0, 1))
@settings(deadline=None, max_examples=50)
def test_protocols_0_and_1_are_read_rightly_or_refused(data, protocol):
    content = pickle.dumps(data, protocol)
    try:
        found = own(content)
    except Refused:
        return
    assert same(found, data)


OPCODES = [b"N", b"\x88", b"K\x07", b"\x8a\x02\xff\xff", b"G?\xf0\0\0\0\0\0\0", text("a"),
           b"\x8c\x01b", b"C\x01c", b"]", b"a", b"e", b")", b"\x85", b"\x86", b"\x87", b"t", b"}",
           b"s", b"u", b"\x8f", b"\x90", b"\x91", b"(", b"h\0", b"h\1", b"q\0", b"q\1", b"\x94",
           whole(2**60), tupled(b"N", b"K\1"), b"](K\1K\2e", b"}(K\1K\2u"]  # fmt: skip


class Unable(pickle._Unpickler):
    """Python's own interpreter, in which no name exists."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"{module}.{name}")


def accepted(content):
    """Whether a pickle is read."""
    try:
        own(content)
    except Refused:
        return False
    return True


@given(st.lists(st.sampled_from(OPCODES), min_size=5, max_size=40))
@settings(deadline=None, max_examples=90)
def test_any_sequence_of_opcodes_means_what_it_means_to_python(parts):
    kept: list[bytes] = []
    for part in parts:
        if accepted(pickled(*kept, part, b"N")):
            kept.append(part)
    # Data that contain themselves are refused later; Python shows them as "[...]".
    if accepted(content := pickled(*kept)):
        assert repr(own(content)) == repr(Unable(io.BytesIO(content)).load())


PARTS = {
    "None": b"N",
    "a bool": b"\x88",
    "a number": b"K\2",
    "a negative number": whole(-1),
    "a huge number": whole(2**100),
    "a fraction": b"G?\xf0\0\0\0\0\0\0",
    "a text": text("latin1"),
    "a word": text("storage"),
    "bytes": b"C\4abcd",
    "a list": b"]N\x85a",
    "pairs": b"]](NNea",
    "a tuple": b"K\2K\3\x86",
    "no tuple": b")",
    "a dict": b"}",
    "a set": b"\x8f",
    "an array": called("numpy._core.numeric", "_frombuffer", b"C\2ab",
                       called("numpy", "dtype", text("u1")) + b"(K\3" + text("|") + b"tb",
                       b"K\2\x85", text("C")),
    "a type": called("numpy", "dtype", text("u1")) + b"(K\3" + text("|") + b"tb",
    "half a type": called("numpy", "dtype", text("u1")),
    "options": called("argparse", "Namespace"),
    "a class": named("numpy", "ndarray"),
    "a class of storages": named("torch", "FloatStorage"),
    "a storage": make.loaded(old(pickled(storage(legacy=True)), {"0": bytes(16)})),
}  # fmt: skip


CALLED = [
    (module, name)
    for (module, name), known in NAMES.items()
    if type(known) is StandIn and "numpy.core" not in module and module != "__builtin__"
]


@pytest.mark.parametrize("name", CALLED, ids=".".join)
def test_every_name_takes_any_arguments_or_refuses_them(name):
    """One, two or three of everything: no argument is compared, hashed or called before its type is known."""
    for parts in chain(
        ((one,) for one in PARTS.values()),
        product(PARTS.values(), repeat=2),
        ((one, two, three, four) for (one, three), (two, four) in DICE),
    ):
        accepted(pickled(named(*name), tupled(*parts), b"R"))


DICE = [
    tuple(random.Random(f"{SEED} {i} {j}").choices(list(PARTS.values()), k=2) for j in range(2))
    for i in range(100)
]


@pytest.mark.parametrize("target", PARTS, ids=PARTS)
def test_every_object_takes_any_state_or_refuses_it(target):
    for state in PARTS.values():
        accepted(pickled(PARTS[target], state, b"b"))
        accepted(pickled(PARTS[target], b"K\1", state, b"\x86b"))
        accepted(pickled(PARTS[target], tupled(b"K\1", *[state] * 4), b"b"))
        accepted(pickled(PARTS[target], state, b"a"))
        accepted(pickled(PARTS[target], state, b"Ns"))
        accepted(pickled(PARTS[target], state, b"\x93"))


@pytest.mark.parametrize("fields", [5, 6])
def test_a_persistent_id_of_anything_is_taken_or_refused(fields):
    reading = Reading(Budget(100), NAMES)
    good = [text("storage"), named("torch", "FloatStorage"), text("0"), text("cpu"), whole(1), b"N"]
    for place, part in product(range(fields), PARTS.values()):
        parts = [*good[:place], part, *good[place + 1 : fields]]
        for identity in (tupled(*parts), part):
            content = pickled(identity, b"Q")
            try:
                read_pickle(content, 0, len(content), reading, Declared(reading, fields))
            except Refused:
                continue
