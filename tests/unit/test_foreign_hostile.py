"""Hostile files: each is refused in one sentence, nothing in it runs, and memory stays bounded."""

import re
import struct
import sys
import tracemalloc

import foreign_files as make
import pytest
from foreign_files import called, named, old, pickled, rebuilt, saved, storage, text, tupled, whole

from pytest_failcond.errors import FailcondError
from pytest_failcond.foreign import bounds
from pytest_failcond.foreign.opened import read_foreign

COMMAND = text("touch touched")
PROGRAM = text("open('touched', 'w')")
FOUR = bytes(16)  # numbers of four bytes
MODULE = "import_me"  # which writes a file when it is imported


def stacked(module, name):
    return text(module) + text(name) + b"\x93"


def stored(offset, shape, strides, count=4, kind="FloatStorage"):
    return saved(pickled(rebuilt(storage(kind, count=count), offset, shape, strides)), {"0": FOUR})


def nested(levels, value=b"N"):
    """Storages whose bytes have the bytes of a storage, and so on."""
    for _ in range(levels):
        value = make.loaded(old(pickled(value)))
    return pickled(value)


def dtype(code, order="<"):
    """A type of NumPy's, with its state."""
    state = tupled(whole(3), text(order), b"N", b"N", b"N", whole(-1), whole(-1), whole(0))
    return called("numpy", "dtype", text(code), b"\x89", b"\x88") + state + b"b"


EMPTY = called("numpy.core.multiarray", "_reconstruct", named("numpy", "ndarray"),
               tupled(whole(0)), make.data(b"b"))  # fmt: skip


def filled(shape, kind=None, content=None):
    content = make.data(FOUR) if content is None else content
    kind = dtype("f4") if kind is None else kind
    parts = (whole(1), tupled(*map(whole, shape)), kind, b"\x89", content)
    return pickled(EMPTY, tupled(*parts), b"b")


NAMES = {
    "os.system": pickled(called("os", "system", COMMAND)),
    "posix.system": pickled(stacked("posix", "system"), tupled(COMMAND), b"R"),
    "builtins.eval": pickled(called("builtins", "eval", PROGRAM)),
    "__builtin__.exec": pickled(called("__builtin__", "exec", PROGRAM)),
    "builtins.getattr": pickled(called("builtins", "getattr", named("os", "system"), COMMAND)),
    "subprocess.Popen": pickled(named("subprocess", "Popen"), tupled(COMMAND), b"\x81"),
    "a module of the folder": pickled(called(MODULE, "anything")),
    "a class of the folder": pickled(named(MODULE, "Class"), b")\x81}b"),
    "a dotted name": pickled(stacked("torch", "serialization.os.system"), tupled(COMMAND), b"R"),
    "a dotted name below a known one": pickled(stacked("collections", "OrderedDict.fromkeys")),
    "a known name in another module": pickled(called("os", "OrderedDict")),
    "an attribute of NumPy": pickled(called("numpy", "fromfile", text("touched"))),
    "torch.load": pickled(called("torch", "load", text("touched"))),
    "a network with its class": pickled(named("torch.nn.modules.linear", "Linear"), b")\x81}b"),
    "within a storage": pickled(make.loaded(old(pickled(called("os", "system", COMMAND))))),
    "within an archive": saved(pickled(called("os", "system", COMMAND))),
    "within the list of storages": old(pickled(b"N"))[:-6]
    + pickled(called("os", "system", COMMAND)),
    "as a persistent ID": saved(pickled(called("os", "system", COMMAND), b"Q")),
    "as the state": pickled(b"}", called("os", "system", COMMAND), b"b"),
}
OPCODES = {
    "EXT1": pickled(b"\x82\x01"),
    "EXT2": pickled(b"\x83\x01\x01"),
    "EXT4": pickled(b"\x84\x01\x01\x01\x01"),
    "INST": pickled(b"(" + COMMAND + b"ios\nsystem\n"),
    "OBJ": pickled(b"(" + named("collections", "OrderedDict") + COMMAND + b"o"),
    "NEWOBJ_EX": pickled(named("collections", "OrderedDict") + b")}\x92"),
    "PERSID": pickled(b"P0\n"),
    "BINPERSID in a pickle": pickled(storage()),
    "NEXT_BUFFER": pickled(b"\x97"),
    "READONLY_BUFFER": pickled(b"N\x98"),
    "INT": pickled(b"I1\n"),
    "LONG": pickled(b"L1L\n"),
    "FLOAT": pickled(b"F1\n"),
    "STRING": pickled(b"S'a'\n"),
    "UNICODE": pickled(b"Va\n"),
    "GET": pickled(b"Ng0\n"),
    "no opcode": pickled(b"\xff"),
    "a protocol of the future": b"\x80\x05\x80\x06N.",
}
CALLS = {
    "a text is called": pickled(text("os.system"), tupled(COMMAND), b"R"),
    "a storage's type is called": pickled(named("torch", "FloatStorage"), b")R"),
    "what was made is called": pickled(called("argparse", "Namespace"), b")R"),
    "arguments that are no tuple": pickled(named("collections", "OrderedDict"), b"]R"),
    "a dict of a text": pickled(called("collections", "OrderedDict", COMMAND)),
    "a dict of odd pairs": pickled(named("collections", "OrderedDict"), b"]]Naa\x85R"),
    "encoded otherwise": pickled(called("_codecs", "encode", COMMAND, text("unicode_escape"))),
    "encoded by a class": pickled(called("_codecs", "encode", COMMAND, b"]")),
    "a set of a class": pickled(called("builtins", "set", named("builtins", "set"))),
    "bytes of a number": pickled(called("builtins", "bytes", whole(2**40))),
    "a bytearray of a number": pickled(called("builtins", "bytearray", whole(2**40))),
    "a size of texts": pickled(called("torch", "Size", tupled(COMMAND))),
    "a device without a name": pickled(called("torch", "device", whole(1))),
    "a parameter that is a text": pickled(called("torch._utils", "_rebuild_parameter", COMMAND)),
    "a tensor of a list": pickled(rebuilt(b"]", 0, (1,), (1,))),
    "a tensor of a tensor": saved(pickled(rebuilt(rebuilt(storage(), 0, (4,), (1,)), 0, (1,), (1,))),
                                  {"0": FOUR}),
    "options with arguments": pickled(called("argparse", "Namespace", COMMAND)),
    "NVIDIA's network without its dict": pickled(
        called("torch_utils.persistence", "_reconstruct_persistent_obj", COMMAND)),
    "a state twice": pickled(called("argparse", "Namespace"), b"}b}b"),
    "a state of a list": pickled(b"]}b"),
    "a state of a class": pickled(named("collections", "OrderedDict"), b"}b"),
    "a class as data": pickled(named("collections", "OrderedDict")),
    "a class in a list": pickled(b"]", named("torch", "FloatStorage"), b"a"),
}  # fmt: skip
LENGTHS = {
    "BINBYTES": b"\x80\x04B" + struct.pack("<I", 2**32 - 1),
    "BINBYTES8": b"\x80\x04\x8e" + struct.pack("<Q", 2**62),
    "BYTEARRAY8": b"\x80\x05\x96" + struct.pack("<Q", 2**63),
    "BINUNICODE": b"\x80\x04X" + struct.pack("<I", 2**32 - 1),
    "BINUNICODE8": b"\x80\x04\x8d" + struct.pack("<Q", 2**64 - 1),
    "BINSTRING": b"\x80\x02T" + struct.pack("<I", 2**31),
    "FRAME": b"\x80\x04\x95" + struct.pack("<Q", 2**63) + b"N.",
    "LONG4": b"\x80\x04\x8b" + struct.pack("<i", 2**31 - 1),
    "LONG4 below zero": b"\x80\x04\x8b" + struct.pack("<i", -1) + b".",
    "a long number that is there": pickled(b"\x8b" + struct.pack("<i", 10**5) + b"\1" * 10**5),
    "bytes after the pickle": pickled(b"N") + b"N",
    "a pickle after the pickle": pickled(b"N") * 2,
    "a name without end": b"\x80\x04c" + b"a" * 10**5,
    "a text that is not UTF-8": pickled(b"\x8c\x02\xff\xff"),
    "half a pair of surrogates": pickled(b"\x8c\x03\xed\xa0\x80"),
}
STACKS = {
    "POP": pickled(b"N0"),
    "nothing to return": pickled(b""),
    "nothing to tuple": pickled(b"N\x87"),
    "nothing to append": pickled(b"]a"),
    "nothing to append to": pickled(b"(Ne"),
    "nothing to set": pickled(b"}Ns"),
    "an odd number to set": pickled(b"}(NNNu"),
    "an end without a beginning": pickled(b"Nt"),
    "appended to a dict": pickled(b"}Na"),
    "set in a list": pickled(b"]NNs"),
    "added to a list": pickled(b"](N\x90"),
    "an unknown memo": pickled(b"j\xff\xff\xff\xff"),
    "nothing to remember": pickled(b"r\xff\xff\xff\xff"),
    "a class by numbers": pickled(b"K\x01K\x02\x93"),
    "a list as a key": pickled(b"}]Ns"),
    "a tuple as a key": pickled(b"})Ns"),
    "a tuple of tuples of tuples as a key": pickled(b"}N\x85", b"\x94h\x00\x86" * 99, b"Ns"),
    "a number of many digits as a key": pickled(b"}", whole(2**100), b"Ns"),
    "a tuple in a set": pickled(b"\x8f()\x90"),
    "a tuple in a frozen set": pickled(b"()\x91"),
    "marks within marks": pickled(b"(" * 10**4),
    "many values on the stack": pickled(b"(" + b"N" * 10**6 + b"t"),
}
SHAPES = {
    "lists within lists": pickled(b"]" * 10**4 + b"a" * (10**4 - 1)),
    "tuples within tuples": pickled(b")" + b"\x85" * 10**5),
    "dicts within dicts": pickled(b"}K\1" * 10**4 + b"}" + b"s" * 10**4),
    "options within options": pickled(called("argparse", "Namespace") * 10**3 + b"b" * 999),
    "a list that contains itself": pickled(b"]\x94h\x00a"),
    "a dict that contains itself": pickled(b"}\x94K\1h\x00s"),
    "a tuple that contains itself": pickled(b"]\x94h\x00\x85a"),
    "options that contain themselves": pickled(called("argparse", "Namespace"), b"\x94h\x00b"),
    "two of two of two": pickled(b")", b"\x94h\x00\x86" + b"".join(
        b"\x94h" + bytes([i]) + b"\x86" for i in range(1, 150))),
    "many steps": pickled(b"]", b"NaNaNaNa" * 3000),
    "one list, made a set again and again": pickled(
        b"](", b"NK\1" * 500, b"e\x94", named("builtins", "set"), b"\x94",
        b"h\x01h\x00\x85R" * 1000),
    "pickles within pickles": nested(4),
    "pickles within pickles within pickles": nested(50),
}  # fmt: skip
VIEWS = {
    "longer than the storage": stored(0, (5,), (1,)),
    "beyond the storage": stored(4, (1,), (1,)),
    "far beyond the storage": stored(2**40, (1,), (1,)),
    "large steps": stored(0, (2,), (4,)),
    "large steps of two axes": stored(0, (2, 3), (2, 1)),
    "before the storage": stored(-1, (1,), (1,)),
    "backwards": stored(3, (4,), (-1,)),
    "a negative size": stored(0, (-1,), (1,)),
    "sizes whose product is 0 in 64 bits": stored(0, (2**32, 2**32), (0, 0)),
    "sizes whose sum is small in 64 bits": stored(0, (2**33,), (2**31,)),
    "a number repeated without end": stored(0, (2**30, 2**10), (0, 0)),
    "huge and empty": stored(0, (0, 2**47, 2**47), (1, 1, 1)),
    "fewer steps than sizes": stored(0, (2, 2), (1,)),
    "more axes than NumPy has": stored(0, (1,) * 99, (1,) * 99),
    "a size that is a bool": saved(pickled(called("torch._utils", "_rebuild_tensor", storage(),
        whole(0), tupled(b"\x88"), tupled(whole(1)))), {"0": FOUR}),
    "a storage of too few bytes": stored(0, (4,), (1,), count=5),
    "a storage of too many bytes": stored(0, (2,), (1,), count=2),
    "a storage of another type": stored(0, (4,), (1,), kind="DoubleStorage"),
    "a storage of 2 ** 62 numbers": stored(0, (4,), (1,), count=2**62),
    "a storage of -1 numbers": stored(0, (4,), (1,), count=-1),
    "a storage of a text": saved(pickled(tupled(text("storage"), text("os.system"), text("0"),
        text("cpu"), whole(4)), b"Q"), {"0": FOUR}),
    "a storage of two types": saved(pickled(
        rebuilt(storage(), 0, (4,), (1,)), rebuilt(storage("IntStorage"), 0, (4,), (1,)), b"\x86"),
        {"0": FOUR}),
    "a storage that is not there": saved(pickled(storage(key="1")), {"0": FOUR}),
    "a storage elsewhere": saved(pickled(storage(key="../version")), {"0": FOUR}),
    "a storage by a list": saved(pickled(tupled(text("storage"), named("torch", "FloatStorage"),
        b"]", text("cpu"), whole(4)), b"Q"), {"0": FOUR}),
    "a storage without its parts": saved(pickled(tupled(text("storage")), b"Q"), {"0": FOUR}),
    "a persistent ID of another kind": saved(pickled(text("storage"), b"Q"), {"0": FOUR}),
    "a storage as data": saved(pickled(storage()), {"0": FOUR}),
    "a half widened again and again": pickled(
        make.data(old(pickled(storage("HalfStorage", count=10**5, legacy=True)),
                      {"0": bytes(2 * 10**5)}, itemsize=2)), b"\x94]",
        b"".join(rebuilt(named("torch.storage", "_load_from_bytes") + b"h\x00\x85R", 0, (1,), (1,))
                 + b"a" for _ in range(100))),
}  # fmt: skip
FLOATS = pickled(rebuilt(storage(legacy=True), 0, (4,), (1,)))
OLD = {
    "more numbers than bytes": old(FLOATS, {"0": FOUR[:8]}),
    "a storage that is missing": old(FLOATS, {"0": FOUR})[:-24],
    "fewer storages than tensors have": old(FLOATS, {}),
    "more storages than tensors have": old(FLOATS, {"0": FOUR, "1": FOUR}),
    "a storage twice": old(FLOATS, {"0": FOUR, "1": FOUR}, keys=["0", "0"]),
    "storages by numbers": old(FLOATS, {"0": FOUR}, keys=[0]),
    "a list of storages that is a text": old(FLOATS, {"0": FOUR}, keys="0"),
    "bytes at the end": old(FLOATS, {"0": FOUR}) + b"0",
    "a storage of -1 numbers": old(FLOATS, {"0": FOUR}).replace(
        struct.pack("<q", 4) + FOUR, struct.pack("<q", -1) + FOUR),
    "a storage of 2 ** 62 numbers": old(pickled(storage(count=2**62, legacy=True)), {"0": FOUR}),
    "a view of a storage": old(pickled(tupled(text("storage"), named("torch", "FloatStorage"),
        text("0"), text("cpu"), whole(4), tupled(text("1"), whole(0), whole(2))), b"Q"), {"0": FOUR}),
    "big endian": old(FLOATS, {"0": FOUR}, system={"little_endian": False}),
    "no system": old(FLOATS, {"0": FOUR}, system=[]),
    "another version": old(FLOATS, {"0": FOUR}, version=1002),
    "a module": old(pickled(tupled(text("module"), named("torch", "Size"), COMMAND, PROGRAM), b"Q")),
    "a storage of a dict": pickled(make.loaded(old(pickled(b"}")))),
    "a storage that is no file": pickled(make.loaded(b"no file")),
    "a storage that is nothing": pickled(make.loaded(b"")),
    "a storage in a text": pickled(called("torch.storage", "_load_from_bytes", COMMAND)),
    "a storage in an archive": pickled(make.loaded(saved(FLOATS, {"0": FOUR}))),
}  # fmt: skip
ROOT = pickled(b"}")
INNER = make.zipped([("archive/data/0", FOUR)]).split(b"PK\1\2")[0]
OUTER = [("archive/data.pkl", ROOT), ("archive/other", INNER)]
ZIPS = {
    "a path upwards": make.zipped([("archive/data.pkl", ROOT), ("archive/../touched", b"")]),
    "an absolute path": make.zipped([("archive/data.pkl", ROOT), ("/touched", b"")]),
    "a path of Windows": make.zipped([("archive/data.pkl", ROOT), ("archive\\touched", b"")]),
    "a drive": make.zipped([("archive/data.pkl", ROOT), ("C:/touched", b"")]),
    "a name of nothing": make.zipped([("archive/data.pkl", ROOT), ("", b"")]),
    "a name twice": make.zipped([("archive/data.pkl", ROOT), ("archive/data.pkl", ROOT)]),
    "two pickles": make.zipped([("a/data.pkl", ROOT), ("b/data.pkl", ROOT)]),
    "no pickle": make.zipped([("archive/data/0", FOUR)]),
    "NumPy's archive": make.zipped([("a.npy", FOUR)]),
    "TorchScript": make.zipped([("a/data.pkl", ROOT), ("a/constants.pkl", ROOT)]),
    "compressed": saved(ROOT, method=8),
    "compressed a thousandfold": saved(ROOT, {"0": bytes(10**6)}, method=8),
    "compressed in an unknown way": saved(ROOT, method=99),
    "encrypted": saved(ROOT, flags=1),
    "another checksum": saved(ROOT, crc=0),
    "another name before the bytes": saved(ROOT, local={"archive/data.pkl": "archive/data.pkx"}),
    "the bytes of another entry": saved(ROOT, {"0": FOUR, "1": FOUR},
                                        listed={"archive/data/1": (16, 0)}),
    "an entry within another": make.zipped(
        [*OUTER, ("archive/data/0", FOUR)],
        listed={"archive/data/0": (16, make.zipped(OUTER).index(INNER))}),
    "an entry beyond the file": saved(ROOT, listed={"archive/version": (2**31, None)}),
    "an entry's header beyond the file": saved(ROOT, listed={"archive/version": (2, 2**31)}),
    "more entries than there are": saved(ROOT, count=65_000),
    "fewer entries than there are": saved(ROOT, count=1),
    "bytes after the end": saved(ROOT) + b"0",
    "bytes before the beginning": b"PK\3\4" + saved(ROOT),
    "numbers of 64 bits that are not there": saved(ROOT, listed={"archive/version": (2**32 - 1, None)}),
    "big endian": make.zipped([("a/data.pkl", ROOT), ("a/byteorder", b"big")]),
    "bytes after the pickle": saved(ROOT + b"N"),
    "a pickle within torch's old one": saved(old(FLOATS, {"0": FOUR})),
}  # fmt: skip
ARRAYS = {
    "more numbers than bytes": filled((5,)),
    "sizes whose product is small in 64 bits": filled((2**32, 2**32)),
    "huge and empty": filled((0, 2**47, 2**47), content=make.data(b"")),
    "a negative size": filled((-1,)),
    "a list of objects": filled((4,), content=b"]"),
    "objects": filled((2,), dtype("O8")),
    "records": filled((2,), dtype("f4,f4")),
    "dates": filled((2,), dtype("M8")),
    "bytes of any number": filled((2,), dtype("V8")),
    "big endian": filled((4,), dtype("f4", ">")),
    "a type without its state": filled((4,), called("numpy", "dtype", text("f4"))),
    "a type by a text": filled((4,), text("f4")),
    "an array without its state": pickled(b"]", EMPTY, b"a"),
    "an array of a class": pickled(called("numpy.core.multiarray", "_reconstruct",
                                          named("builtins", "set"), b")")),
    "a state that is a dict": pickled(EMPTY, b"}b"),
    "a number of too many bytes": pickled(
        called("numpy.core.multiarray", "scalar", dtype("f4"), make.data(FOUR))),
    "a number without bytes": pickled(called("numpy.core.multiarray", "scalar", dtype("f4"))),
    "a call of the array": pickled(called("numpy", "ndarray", tupled(whole(2**40)))),
    "a buffer in an odd order": pickled(called("numpy.core.numeric", "_frombuffer", make.data(FOUR),
                                               dtype("f4"), tupled(whole(4)), text("K"))),
}  # fmt: skip
HOSTILE = {
    f"{kind}: {name}": content
    for kind, files in {
        "names": NAMES, "opcodes": OPCODES, "calls": CALLS, "lengths": LENGTHS, "stacks": STACKS,
        "shapes": SHAPES, "views": VIEWS, "old": OLD, "zips": ZIPS, "arrays": ARRAYS,
    }.items()
    for name, content in files.items()
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder in which a module waits to be imported, and in which nothing else may appear."""
    (tmp_path / f"{MODULE}.py").write_text("open('touched', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(bounds, "STEPS", 20_000)
    return tmp_path


events: list[str] | None = None


def listen(event, arguments):
    """Note what Python does: each import, compilation, command and look-up of a name is an event."""
    if events is not None:
        events.append(event)


sys.addaudithook(listen)


def read(folder, content):
    """Read a file, and check that nothing of it ran and that it took little memory."""
    global events
    path = folder / "model.pt"
    path.write_bytes(content)
    modules = set(sys.modules)
    tracemalloc.start()
    noted = events = []
    try:
        return read_foreign(path).root
    finally:
        events = None
        assert set(noted) <= {"open", "mmap.__new__", "builtins.id"}
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 12_000_000 + 20 * len(content)
        assert {found.name for found in folder.iterdir()} == {"model.pt", f"{MODULE}.py"}
        assert set(sys.modules) == modules


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence(folder, content):
    with pytest.raises(FailcondError) as caught:
        read(folder, content)
    sentence = str(caught.value)
    assert sentence.startswith(f"{folder / 'model.pt'}: it")
    assert re.fullmatch(r"[^\n;]+; [^\n;]+", sentence), sentence
    assert len(sentence) < 400 + len(str(folder))


@pytest.mark.parametrize("name", [name for name in NAMES if "." in name])
def test_a_refused_name_is_named(folder, name):
    with pytest.raises(FailcondError, match=f"it names '{re.escape(name)}'|it names 'os.system'"):
        read(folder, NAMES[name])


BOUNDS = {
    "ends within a storage: it is truncated": OLD["a storage that is missing"],
    "takes more steps": pickled(b"]", b"NaNaNaNa" * 150_000),
    "more than 100,000 values on the stack": STACKS["many values on the stack"],
    "more than 1,000 lists within one another": STACKS["marks within marks"],
    "more than 2 levels": SHAPES["pickles within pickles"],
    "nested more than 200 levels deep": SHAPES["lists within lists"],
    "contain themselves": SHAPES["a dict that contains itself"],
    "repeat one another": SHAPES["two of two of two"],
    "texts and numbers take far more memory": VIEWS["a half widened again and again"],
    "tensors have far more numbers": VIEWS["a number repeated without end"],
    "more than 200 bytes": LENGTHS["a name without end"],
    "of 100000 bytes, where 255 are many": LENGTHS["a long number that is there"],
    "a number of many digits as a key": STACKS["a number of many digits as a key"],
    "takes more steps than any": pickled(
        b"](", b"NK\1" * 20_000, b"e\x94", named("builtins", "set"), b"\x94",
        b"h\x01h\x00\x85R" * 1000),
}  # fmt: skip


@pytest.mark.parametrize(("expected", "content"), BOUNDS.items(), ids=BOUNDS)
def test_each_bound_has_its_sentence(tmp_path, expected, content):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(FailcondError, match=expected):
        read_foreign(path)


def test_source_text_within_a_network_stays_text(folder):
    source = "open('touched', 'w')\nclass Generator:\n    def __setstate__(self, s): open('touched', 'w')"
    state = b"}(" + text("__class__") + COMMAND + text("__reduce__") + PROGRAM + b"u"
    meta = b"}(" + text("module_src") + text(source) + text("state") + state + b"u"
    found = read(folder, pickled(
        called("torch_utils.persistence", "_reconstruct_persistent_obj", meta)))  # fmt: skip
    assert (found.module, found.name) == ("torch_utils.persistence", "_reconstruct_persistent_obj")
    (meta,) = found.arguments
    assert meta["module_src"] == source
    assert meta["state"]["__class__"] == "touch touched"


def test_the_state_of_options_stays_data(folder):
    state = b"}(" + text("__class__") + COMMAND + text("__dict__") + b"]u"
    found = read(folder, pickled(called("argparse", "Namespace"), state, b"b"))
    assert found.state == {"__class__": "touch touched", "__dict__": []}


@pytest.mark.parametrize(
    "content",
    [
        pickled(b"Nr\xff\xff\xff\xff"),  # a list of that length is all that CPython knows
        pickled(b"Nr\xfe\xff\xff\xffj\xfe\xff\xff\xff"),
        old(pickled(b"Nr\xff\xff\xff\xff")),
        saved(pickled(b"Nr\xff\xff\xff\xff")),
    ],
)
def test_a_huge_index_of_the_memo_costs_nothing(folder, content):
    assert read(folder, content) is None


def test_a_tensor_without_numbers_may_have_any_steps(folder):
    found = read(folder, stored(4, (0, 3), (2**40, 2**40)))
    assert found.shape == (0, 3)


def test_steps_that_mean_nothing_may_be_any(folder):
    found = read(folder, stored(0, (1, 4), (2**40, 1)))
    assert found.shape == (1, 4)
